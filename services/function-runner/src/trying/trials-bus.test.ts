import assert from "node:assert/strict";
import { test } from "node:test";
import { connectBus, SUBJECTS } from "@millrace/bus";
import { TrialRequest, TrialResponse } from "@millrace/proto/invocation/v1/invocation";
import { testNats } from "@millrace/testing";
import { TrialsBus } from "./trials-bus.ts";

test("more than a message may have is answered as a fault, and ends no runner", async (t) => {
  const nats = await testNats(t, { payloadBytesMax: 64 * 1024 });
  const silent = { info() {}, warn() {} };
  const identity = { service: "function-runner", id: "r" } as const;
  const connection = await connectBus({ url: nats.url, seed: nats.seed, identity }, silent);
  t.after(() => connection.close());
  const logged: string[] = [];
  const headers = ["x-large", "x".repeat(100_000)];
  const trials = { try: async () => TrialResponse.fromPartial({ outcome: { $case: "result", value: { headers } } }) };
  const bus = new TrialsBus(connection, trials, { error: (_, message) => logged.push(message) });
  bus.listen();
  const request = TrialRequest.encode(TrialRequest.fromPartial({})).finish();
  const { data } = await connection.request(SUBJECTS.trial, request, { timeout: 5_000 });
  assert.equal(TrialResponse.decode(data).outcome, undefined);
  assert.deepEqual(logged, ["what became of a function that was tried cannot be told"]);
  await bus.close();
});
