import assert from "node:assert/strict";
import { test } from "node:test";
import { testNats, until } from "@millrace/testing";
import { connectBus, guarded, SUBJECTS } from "./mod.ts";

test("a message that cannot be handled is logged, and the next one is handled", async (t) => {
  const identity = { service: "gateway", id: "gateway-1" } as const;
  const nats = await testNats(t, { identities: [identity] });
  const bus = await connectBus({ url: nats.url, seed: nats.seed, identity }, { info() {}, warn() {} });
  t.after(() => bus.close());
  const handled: string[] = [];
  const faults: string[] = [];
  const handle = guarded(
    (text: string) => {
      if (text === "bad") throw new Error("no message of mine");
      handled.push(text);
    },
    { error: ({ err }: { err?: Error }) => faults.push(err!.message) },
  );
  bus.subscribe(SUBJECTS.gateway("gateway-1", "runner-1"), { callback: (_, message) => handle(message.string()) });
  for (const text of ["bad", "good"]) bus.publish(SUBJECTS.gateway("gateway-1", "runner-1"), text);
  await until(() => handled.length === 1);
  assert.deepEqual([handled, faults], [["good"], ["no message of mine"]]);
});
