/** PostgreSQL is the truth: what the data plane reads can be rebuilt while it is read, and comes back after NATS has lost it all. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Answer,
  authorizeKey,
  createAccessKey,
  createSubscriptionKey,
  provision,
  send,
  sendSigned,
  testPlatform,
  untilAnswer,
} from "@millrace/e2e-tests";
import { unprivilegedHome } from "@millrace/local";
import { AdminServiceService } from "@millrace/proto/control/v1/admin";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { AccessMode } from "@millrace/proto/control/v1/groups";
import { startLoad, summary } from "./load.ts";

const RECOVERY_MS = 30_000;

const platform = await testPlatform();
const { rpc } = platform;
const functions = {
  work: { code: `export const handler = async () => ({ statusCode: 200, headers: {}, body: "done" });` },
};
const apis = { read: { method: "GET", path: "/work", backend: "work" } };
const open = (await provision(rpc, { functions, apis, environments: ["test", "online"] })).deployment("online");
const shop = await provision(rpc, { access: AccessMode.AUTHORIZED, functions, apis });
const closed = shop.deployment();
const key = await createAccessKey(rpc, shop.project);
const bearer = await createSubscriptionKey(rpc, shop.project);
for (const { keyId } of [key, bearer]) await authorizeKey(rpc, closed.name, keyId);
const name = `${shop.project}/functions/work`;
await rpc.call(FunctionServiceService.createAlias, {
  parent: name,
  aliasId: "live",
  targets: [{ version: 1, weight: 100 }],
});

const CALLERS: Record<string, () => Promise<Answer>> = {
  nobody: () => send({ url: `${open.pathUrl}/work` }),
  "a subscription key": () => send({ url: `${closed.pathUrl}/work`, headers: { "x-api-key": bearer.value } }),
  "a signature": () => sendSigned({ algorithm: "JDCLOUD3-HMAC-SHA256", key, deployment: closed, path: "/work" }),
};

async function untilAllServed(): Promise<void> {
  for (const call of Object.values(CALLERS)) await untilAnswer(call, 200, { timeoutMs: RECOVERY_MS });
}

await untilAllServed();

test("reprojecting writes everything again, and callers notice nothing", async (t) => {
  const load = startLoad(Array.from({ length: 8 }, () => () => ({ url: `${open.pathUrl}/work` })));
  const written = await rpc.call(AdminServiceService.reproject, {}, { timeoutMs: RECOVERY_MS });
  const outcomes = await load.stop();
  t.diagnostic(`${JSON.stringify(written)} under ${summary(outcomes)}`);
  assert.ok(
    outcomes.every(({ status }) => status === 200),
    summary(outcomes),
  );
  assert.deepEqual(
    { ...written, artifacts: written.artifacts > 0, grants: written.grants >= 4 },
    { deployments: 3, functionVersions: 2, aliases: 1, domains: 0, artifacts: true, grants: true },
  );
  await untilAllServed();
});

test("a NATS that has lost all that it kept is filled again, and everybody is served, by what runs and by what starts", async () => {
  const { process: nats } = platform.engines.nats;
  assert.ok(nats !== undefined, "NATS is somebody else's; unset the variable that names it");
  await nats.stop();
  rmSync(join(unprivilegedHome(platform.stateDirectory), "data/nats/jetstream"), { recursive: true });
  await nats.start();
  await untilAllServed();
  await rpc.call(DeploymentServiceService.takeOffline, { name: open.name });
  await untilAnswer(CALLERS.nobody!, 403, { timeoutMs: RECOVERY_MS });
  await rpc.call(DeploymentServiceService.bringOnline, { name: open.name });
  await platform.service("gateway-1").restart();
  await platform.service("runner-1").restart();
  await untilAllServed();
});
