import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import { until } from "@millrace/testing";
import { HELLO, HOST, startGateway } from "../testing/gateway-fixture.ts";

// The connection to NATS breaks while calls are under way, and is back at once.

async function setUp(t: TestContext, timeoutMs: number) {
  const gateway = await startGateway(t);
  const backend = { $case: "function" as const, value: HELLO };
  await gateway.putVersion({ timeoutMs });
  await gateway.release(
    ["GET", "POST"].map((method) => ({ apiName: method.toLowerCase(), method, path: "/hello", backend })),
  );
  return gateway;
}

test("an answer that is lost with the connection is runner_lost, and does not blame the function", async (t) => {
  const gateway = await setUp(t, 500);
  const runner = await gateway.startRunner();
  const accepted = Promise.withResolvers<void>();
  runner.behaviour = (invocation) => {
    invocation.accept();
    accepted.resolve();
  };
  const asked = gateway.ask({ method: "POST" });
  await accepted.promise;
  await gateway.nats.server.restart();
  const answer = await asked;
  assert.deepEqual([answer.status, answer.problem.reason], [502, "runner_lost"]);
});

test("behind a restart of NATS an answer under way is broken off, and calls whose runner has them no more are answered soon", async (t) => {
  const gateway = await setUp(t, 60_000);
  const runner = await gateway.startRunner();
  runner.forgets = true;
  runner.behaviour = (invocation) => {
    invocation.accept();
    if (invocation.invoke.method === "GET") invocation.head(200, [], "a part");
  };
  const whole = gateway.ask({ method: "POST" });
  const streamed = get({ port: gateway.port, path: "/hello", headers: { host: HOST } });
  const [answer] = (await once(streamed, "response")) as [IncomingMessage];
  // What becomes of it, its reader hears too.
  streamed.on("error", () => {});
  const read = answer.toArray().then(
    () => "whole",
    () => "broken off",
  );
  await until(() => runner.invocations.length === 2);
  await gateway.nats.server.restart();
  const [under, lost] = await Promise.all([read, whole]);
  assert.deepEqual([under, lost.status, lost.problem.reason], ["broken off", 502, "runner_lost"]);
});
