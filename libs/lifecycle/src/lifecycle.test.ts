import assert from "node:assert/strict";
import { test } from "node:test";
import { Lifecycle, SessionGate, serveOperations } from "./mod.ts";

const silent = { info() {}, error() {} };
const make = (timeoutMs = 1_000) => new Lifecycle(silent, { lagMs: 0, timeoutMs });

test("everything drains newest first, then closes newest first, even when one step fails", async () => {
  const steps: string[] = [];
  const lifecycle = make();
  for (const name of ["nats", "http"]) {
    lifecycle.own(name, {
      drain: () => void steps.push(`drain ${name}`),
      close: () => {
        steps.push(`close ${name}`);
        if (name === "http") throw new Error("cannot");
      },
    });
  }
  lifecycle.ready();
  assert.equal(await lifecycle.stop(), false);
  assert.deepEqual(steps, ["drain http", "drain nats", "close http", "close nats"]);
  assert.equal(lifecycle.state, "failed");
});

test("a step that hangs is given up at its limit", async () => {
  const lifecycle = make(20);
  lifecycle.own("stuck", { close: () => new Promise(() => {}) });
  assert.equal(await lifecycle.stop(), false);
});

test("a failure before anybody waits for a signal still ends the process, with code 1", async () => {
  const lifecycle = make();
  lifecycle.ready();
  lifecycle.fail("a part is broken");
  assert.equal(await lifecycle.untilSignal(), 1);
});

test("an illegal transition is an error", () => {
  const lifecycle = make();
  lifecycle.ready();
  assert.throws(() => lifecycle.ready(), /cannot go from ready to ready/);
});

test("a closing gate refuses entry and waits for what is inside", async () => {
  const gate = new SessionGate();
  assert.ok(gate.enter());
  const drained = gate.drained(1_000);
  assert.equal(gate.enter(), false);
  gate.leave();
  assert.equal(await drained, true);
  assert.throws(() => gate.leave(), /had not entered/);
});

test("a gate that does not empty in time says so", async () => {
  const gate = new SessionGate();
  gate.enter();
  assert.equal(await gate.drained(10), false);
});

test("readiness follows the lifecycle and the service's own facts; liveness does not", async () => {
  const lifecycle = make();
  let connected = false;
  const readiness = () => ({ ready: connected, connected });
  const operations = await serveOperations({ host: "127.0.0.1", port: 0, lifecycle, readiness });
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${operations.port}${path}`)).status;
  assert.deepEqual([await get("/livez"), await get("/readyz")], [200, 503]);
  lifecycle.ready();
  assert.equal(await get("/readyz"), 503);
  connected = true;
  assert.equal(await get("/readyz"), 200);
  assert.equal(await get("/else"), 404);
  await operations.close?.();
});
