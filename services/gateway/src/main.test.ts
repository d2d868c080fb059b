import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { ensureBus } from "@millrace/bus";
import { until } from "@millrace/testing";
import { exitCodeOf, gatewaySurroundings, startGatewayProcess } from "./testing/gateway-process.ts";

// The process itself: its environment, its readiness, its end.

const CANARY = "canary-in-a-secret";

async function surroundings(t: TestContext) {
  const { gateways, ...rest } = await gatewaySurroundings(t, ["gateway-1"]);
  return { ...gateways[0]!, ...rest };
}

test("the process is ready once control-plane has made the buckets, drains on SIGTERM and exits 0", async (t) => {
  const { environment, admin, http, operations, key } = await surroundings(t);
  const { child, said } = startGatewayProcess(t, environment);
  const ready = async () => (await fetch(`http://127.0.0.1:${operations}/readyz`)).status;
  await until(async () => (await ready()) === 503, { timeoutMs: 10_000, message: () => said.text });
  // Nobody is told that there is no deployment by a gateway that does not know yet.
  await assert.rejects(fetch(`http://127.0.0.1:${http}/`));
  await ensureBus(admin);
  await until(async () => (await ready()) === 200, { timeoutMs: 10_000, message: () => said.text });

  const answer = await fetch(`http://127.0.0.1:${http}/`);
  assert.equal(((await answer.json()) as { reason: string }).reason, "no_deployment");
  const metrics = await (await fetch(`http://127.0.0.1:${operations}/metrics`)).text();
  assert.match(metrics, /gateway_requests(_total)?\{[^}]*reason="no_deployment"/);

  child.kill("SIGTERM");
  assert.equal(await exitCodeOf(child), 0, said.text);
  assert.match(said.text, /"msg":"request".*"reason":"no_deployment"/);
  assert.ok(!said.text.includes(key.split("\n")[1]!));
});

test("a process that is told to stop while it waits for the buckets exits 0", async (t) => {
  const { environment, operations } = await surroundings(t);
  const { child, said } = startGatewayProcess(t, environment);
  const live = async () => (await fetch(`http://127.0.0.1:${operations}/livez`)).ok;
  await until(live, { timeoutMs: 10_000, message: () => said.text });
  child.kill("SIGTERM");
  assert.equal(await exitCodeOf(child), 0, said.text);
});

test("a configuration that cannot be used is told as a whole, and no secret with it", async (t) => {
  const { environment } = await surroundings(t);
  writeFileSync(environment.MILLRACE_SERVICE_KEY_FILE!, CANARY);
  const { child, said } = startGatewayProcess(t, {
    ...environment,
    MILLRACE_GATEWAY_ID: "a b",
    MILLRACE_HTTP_ADDRESS: "nowhere",
    MILLRACE_ODD: "1",
  });
  assert.notEqual(await exitCodeOf(child), 0);
  for (const name of ["MILLRACE_GATEWAY_ID", "MILLRACE_HTTP_ADDRESS", "MILLRACE_ODD"])
    assert.match(said.text, new RegExp(name));
  assert.ok(!said.text.includes(CANARY));
});
