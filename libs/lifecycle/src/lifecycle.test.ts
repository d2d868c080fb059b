import assert from "node:assert/strict";
import { test } from "node:test";
import { Lifecycle, SessionGate, serveOperations } from "./mod.ts";

const silent = { info() {}, error() {} };
const make = (timeoutMs = 1_000) => new Lifecycle(silent, { lagMs: 0, timeoutMs });

/** A life that is asked to end as soon as it is ready. */
const liveThrough = (lifecycle: Lifecycle) =>
  lifecycle.run(async () => void setImmediate(() => lifecycle.fail("enough")));

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
  assert.equal(await liveThrough(lifecycle), 1);
  assert.deepEqual(steps, ["drain http", "drain nats", "close http", "close nats"]);
  assert.equal(lifecycle.state, "failed");
});

test("a signal ends a life with code 0, and a step that hangs with 1", async () => {
  for (const [expected, close] of [
    [0, () => {}],
    [1, () => new Promise<void>(() => {})],
  ] as const) {
    const lifecycle = make(20);
    lifecycle.own("last", { close });
    assert.equal(await lifecycle.run(async () => void setImmediate(() => process.emit("SIGTERM"))), expected);
  }
});

test("a part that fails ends a life with code 1, also during the start", async () => {
  const ready = make();
  assert.equal(await liveThrough(ready), 1);
  const starting = make();
  assert.equal(await starting.run(async () => starting.fail("a part is broken")), 1);
  assert.deepEqual([ready.state, starting.state], ["stopped", "stopped"]);
});

test("what a failing start had opened is closed", async () => {
  const closed: string[] = [];
  const lifecycle = make();
  const code = await lifecycle.run(async () => {
    lifecycle.own("database", { close: () => void closed.push("database") });
    throw new Error("the port is taken");
  });
  assert.deepEqual([code, closed], [1, ["database"]]);
});

test("a signal during the start lets it give up, closes what it opens meanwhile, and is no failure", async () => {
  const closed: string[] = [];
  const lifecycle = make();
  const code = await lifecycle.run(async () => {
    process.emit("SIGTERM");
    assert.ok(lifecycle.stopping.aborted);
    await new Promise(setImmediate);
    lifecycle.own("late", { close: () => void closed.push("late") });
    lifecycle.stopping.throwIfAborted();
  });
  assert.deepEqual([code, closed], [0, ["late"]]);
});

test("a process lives once", async () => {
  const lifecycle = make();
  await liveThrough(lifecycle);
  await assert.rejects(liveThrough(lifecycle), /cannot go from stopped to draining/);
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
  const life = lifecycle.run(async () => {});
  assert.equal(await get("/readyz"), 503);
  connected = true;
  assert.equal(await get("/readyz"), 200);
  assert.equal(await get("/else"), 404);
  lifecycle.fail("enough");
  await life;
  await operations.close?.();
});
