import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import type { Context } from "../context.ts";
import { authorizeLike, rotationAnswer } from "./key-rotation.ts";

const [OLD, NEW] = ["MROLD", "MRNEW"];
const OWN = "projects/mine/groups/shop/deployments/online";
const FOREIGN = "projects/theirs/groups/shop/deployments/online";

/** Somebody who may authorise keys in one project only, with an old key that may call two deployments, and another key. */
function contextThat(refuses: (deployment: string) => PlatformError | undefined) {
  const asked: unknown[] = [];
  const callable = [
    { deployment: OWN, keyId: OLD },
    { deployment: FOREIGN, keyId: OLD },
    { deployment: "projects/mine/groups/other/deployments/test", keyId: "MROTHER" },
  ];
  const context = {
    project: "projects/mine",
    listAll: async () => callable,
    call: async (_: unknown, { parent, keyId, note }: { parent: string; keyId: string; note: string }) => {
      const refusal = refuses(parent);
      if (refusal) throw refusal;
      asked.push({ parent, keyId, note });
    },
  };
  return { asked, context: context as unknown as Context };
}

const notFound = new PlatformError("not_found", "There is none.", { reason: "deployment_not_found" });

test("a new key is authorised where its predecessor is, and what only others may do is said", async () => {
  const { asked, context } = contextThat((deployment) => (deployment === FOREIGN ? notFound : undefined));
  const grants = await authorizeLike(context, OLD, NEW);
  assert.deepEqual(grants, { authorized: [OWN], toAsk: [FOREIGN] });
  assert.deepEqual(asked, [{ parent: OWN, keyId: NEW, note: `in place of ${OLD}` }]);
  const { json, text } = rotationAnswer({ json: { saved: "key.json" }, text: "access key MRNEW" }, OLD, NEW, grants);
  assert.deepEqual(json, { saved: "key.json", replaces: OLD, authorized: [OWN], toAsk: [FOREIGN] });
  assert.match(text, /^access key MRNEW\nit may call 1 of the 2 deployments/);
  assert.match(text, new RegExp(`authorize MRNEW:\n  ${FOREIGN}\nMROLD goes on working`));
});

test("when auth is away it is said, and nobody is sent to others for it", async () => {
  const away = new PlatformError("unavailable", "auth is away.", { reason: "unavailable" });
  const { context } = contextThat(() => away);
  await assert.rejects(authorizeLike(context, OLD, NEW), away);
});
