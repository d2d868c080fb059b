import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAG, FRAME, FrameWriter, readFrames, readHead, writeHead } from "@millrace/frames";
import { until } from "@millrace/testing";
import fc from "fast-check";
import { INSTANCE_LIMITS } from "../limits.ts";
import { startTestRunner } from "../runner-fixture.ts";
import { readHeadStatus } from "./response-check.ts";

const OK = `export const handler = async () => ({ statusCode: 200 });`;

test("the longest idle instance makes room when a runner holds as many as it may", async (t) => {
  const runner = await startTestRunner(t, { instancesMax: 2 });
  const [first, second, third] = [runner.deploy(OK), runner.deploy(OK), runner.deploy(OK)];
  for (const record of [first, second, third]) assert.equal((await runner.call(record!)).status, 200);
  await until(() => runner.pools.instances === 2);
  assert.equal(runner.pools.poolOf(first!).size, 0);
  assert.equal((await runner.call(first!)).cold, true);
});

test("an answer says whether its call waited for an instance to start", async (t) => {
  const runner = await startTestRunner(t);
  const record = runner.deploy(OK);
  assert.equal((await runner.call(record)).waitedForStart, true);
  assert.equal((await runner.call(record)).waitedForStart, false);
});

test("a minimum is loaded before anybody calls, and makes no room for others until it is lifted", async (t) => {
  const runner = await startTestRunner(t, { instancesMax: 4 });
  const [kept, other, third] = [runner.deploy(OK), runner.deploy(OK), runner.deploy(OK)];
  const loaded = (record: typeof kept) =>
    [...runner.pools.poolOf(record!).instances].filter(({ state }) => state === "ready").length;
  runner.pools.keep(kept!, 2);
  await until(() => loaded(kept) === 2);
  assert.equal((await runner.call(kept!)).cold, false);
  const fourth = runner.deploy(OK);
  for (const record of [other, third, fourth, other]) assert.equal((await runner.call(record!)).status, 200);
  assert.equal(loaded(kept), 2);
  runner.pools.keep(kept!, 0);
  for (const record of [third, fourth, other, runner.deploy(OK)]) await runner.call(record!);
  await until(() => loaded(kept) < 2);
});

test("an instance of a minimum that ends is replaced, and minimums take no more than their part", async (t) => {
  const runner = await startTestRunner(t, { instancesMax: 4 });
  const leaves = runner.deploy(`export const handler = async () => process.exit(3);`);
  const { functionUid, version } = leaves;
  const pool = runner.pools.poolOf(leaves);
  runner.pools.keep(leaves, 2);
  await until(() => pool.isWarm && pool.starts.usable === 2);
  const before = new Set(pool.instances);
  assert.equal((await runner.call(leaves)).failed, "function_error");
  await until(() => [...pool.instances].filter(({ state }) => state === "ready").length === 2);
  assert.ok([...pool.instances].some((instance) => !before.has(instance)));
  const beyond = runner.deploy(OK);
  runner.pools.keep(beyond, 1);
  assert.equal(runner.pools.poolOf(beyond).size, 0);
  runner.pools.retire(`${functionUid}@${version}`);
  runner.pools.keep(beyond, 1);
  await until(() => runner.pools.poolOf(beyond).isWarm);
});

test("a minimum that could not be loaded is tried again without a call", async (t) => {
  const runner = await startTestRunner(t);
  const record = runner.deploy(`if (Date.now() < ${Date.now() + 2_000}) throw new Error("not yet");\n${OK}`);
  runner.pools.keep(record, 1);
  await until(() => runner.pools.poolOf(record).isWarm, { timeoutMs: 15_000 });
  runner.logs.flush();
  assert.ok(runner.lines().some((line) => line.includes("not yet")));
});

test("when an alias moves, the next version is loaded while the one before still serves", async (t) => {
  const runner = await startTestRunner(t);
  const before = runner.deploy(OK);
  const next = runner.deploy(OK, { functionUid: before.functionUid, version: 2 });
  runner.pools.keep(before, 1);
  await until(() => runner.pools.poolOf(before).isWarm);
  runner.pools.keep(before, 0);
  runner.pools.keep(next, 1);
  await until(() => runner.pools.poolOf(next).isWarm);
  assert.equal((await runner.call(before)).cold, false);
  assert.equal((await runner.call(next)).cold, false);
});

test("one project has one sandbox, another has another", async (t) => {
  const runner = await startTestRunner(t);
  for (const project of ["a", "a", "b"]) await runner.call(runner.deploy(OK, { project }));
  assert.equal(runner.sandboxes.length, 2);
  assert.deepEqual(
    runner.sandboxes.map(({ instances }) => instances),
    [2, 1],
  );
});

test("a version whose record changes is served by new instances; the old ones finish", async (t) => {
  const runner = await startTestRunner(t);
  const record = runner.deploy(
    `export const handler = async () => { await new Promise((resolve) => setTimeout(resolve, 100)); return { statusCode: 200 }; };`,
  );
  await runner.call(record);
  const running = runner.call(record);
  await until(() => runner.placing.slotsBusy === 1);
  runner.pools.retire(`${record.functionUid}@${record.version}`);
  assert.equal((await running).status, 200);
  assert.equal((await runner.call(record)).cold, true);
  await until(() => runner.pools.instances === 1);
});

test("a version whose record changes while it loads still serves those who wait for it", async (t) => {
  const runner = await startTestRunner(t);
  const record = runner.deploy(OK);
  const waiting = runner.call(record);
  runner.pools.retire(`${record.functionUid}@${record.version}`);
  assert.equal((await waiting).status, 200);
  await until(() => runner.sandboxes[0]!.instances === 0);
});

test("when a sandbox's channels are used up, another takes over without a failed call", async (t) => {
  const runner = await startTestRunner(t);
  for (let i = 0; i < 70; i++) {
    const record = runner.deploy(OK);
    assert.equal((await runner.call(record)).status, 200, `${i}`);
    runner.pools.retire(`${record.functionUid}@${record.version}`);
  }
  assert.equal(runner.sandboxes.length, 2);
});

test("the instances of a sandbox that retires are replaced in another, one after the other, without a failed call", async (t) => {
  const runner = await startTestRunner(t);
  const records = [runner.deploy(OK), runner.deploy(OK)];
  for (const record of records) await runner.call(record);
  runner.sandboxes[0]!.retire();
  const ended = async () => {
    for (const record of records) {
      const { status, cold } = await runner.call(record);
      assert.deepEqual([status, cold], [200, false]);
    }
    return runner.sandboxes[0]!.hasEnded;
  };
  await until(ended, { timeoutMs: 5 * INSTANCE_LIMITS.sweepIntervalMs });
  assert.deepEqual([runner.sandboxes.length, runner.sandboxes[1]!.instances], [2, 2]);
});

test("a head passes the supervisor's check exactly when the gateway could read it", () => {
  const text = fc.string({ unit: "binary-ascii", maxLength: 12 });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 700 }),
      fc.array(fc.tuple(text, text)),
      fc.nat(60),
      fc.nat(255),
      (status, pairs, at, byte) => {
        const writer = new FrameWriter();
        writeHead(writer, 1, { status, headers: pairs.flat(), body: Buffer.from("body") }, true);
        const bytes = writer.take();
        // After the frame's own header, so that the frame stays one.
        if (at % 2 === 1 && 10 + at < bytes.length) bytes[10 + at] = byte;
        readFrames(bytes, 0, (frame) => {
          assert.deepEqual([frame.type, frame.flags], [FRAME.head, FLAG.end]);
          const head = readHead(frame);
          const expected = head !== null && head.status >= 200 && head.status <= 599 ? head.status : null;
          assert.equal(readHeadStatus(frame), expected);
        });
      },
    ),
  );
});
