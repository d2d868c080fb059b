import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BLANK_THREAD_LIMITS } from "../limits.ts";
import { type BlankHolder, BlankThreads } from "./blank-threads.ts";

const { threadsMax, delayMs, retryMs, patienceMs, restlessMs, idleMs } = BLANK_THREAD_LIMITS;
const MIB = 128;

class FakeSandbox implements BlankHolder {
  blankMemoryMib: number | undefined;
  isPreparing = false;
  takesInstances = true;
  dropped = 0;

  prepare(memoryMib: number): void {
    this.blankMemoryMib = memoryMib;
  }

  dropBlank(): void {
    this.blankMemoryMib = undefined;
    this.dropped++;
  }
}

function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  const cores = { spare: 2 };
  const blanks = new BlankThreads(cores, () => now);
  t.after(() => blanks.close());
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += delayMs / 2) {
      now += delayMs / 2;
      t.mock.timers.tick(delayMs / 2);
    }
  };
  const sandboxes = (count: number) => Array.from({ length: count }, () => new FakeSandbox());
  return { cores, blanks, pass, sandboxes };
}

test("a sandbox in which something was started gets a thread of that size ahead, a moment later", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const [sandbox, other] = sandboxes(2);
  blanks.starts(sandbox!, 256);
  pass(delayMs / 2);
  assert.equal(sandbox!.blankMemoryMib, undefined);
  pass(delayMs / 2);
  assert.equal(sandbox!.blankMemoryMib, 256);
  assert.equal(other!.blankMemoryMib, undefined);
});

test("one thread is started at a time", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const both = sandboxes(2);
  for (const sandbox of both) blanks.starts(sandbox, MIB);
  pass(delayMs);
  both[0]!.isPreparing = true;
  pass(retryMs * 8);
  assert.deepEqual([both[0]!.blankMemoryMib, both[1]!.blankMemoryMib], [MIB, undefined]);
  both[0]!.isPreparing = false;
  pass(retryMs);
  assert.equal(both[1]!.blankMemoryMib, MIB);
});

test("while no core is to spare a thread waits, but not for ever", (t) => {
  const { cores, blanks, pass, sandboxes } = setUp(t);
  const [sandbox] = sandboxes(1);
  cores.spare = 0;
  blanks.starts(sandbox!, MIB);
  pass(patienceMs - delayMs);
  assert.equal(sandbox!.blankMemoryMib, undefined);
  pass(delayMs + retryMs);
  assert.equal(sandbox!.blankMemoryMib, MIB);
});

test("there are no more threads than may be, and the longest unused one makes room", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const all = sandboxes(threadsMax);
  for (const sandbox of all) blanks.starts(sandbox, MIB);
  pass(delayMs + retryMs * threadsMax);
  assert.ok(all.every(({ blankMemoryMib }) => blankMemoryMib === MIB));
  const [late] = sandboxes(1);
  blanks.starts(late!, MIB);
  pass(restlessMs / 2);
  blanks.starts(all[0]!, MIB);
  pass(restlessMs / 2 + retryMs);
  assert.equal(late!.blankMemoryMib, MIB);
  assert.deepEqual(
    all.flatMap(({ dropped }, at) => (dropped > 0 ? [at] : [])),
    [1],
  );
});

test("a thread that starts keep passing by makes room for one of their size; one that passes by does not cost it", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const [sandbox] = sandboxes(1);
  sandbox!.prepare(MIB);
  blanks.starts(sandbox!, 512);
  blanks.starts(sandbox!, MIB);
  blanks.starts(sandbox!, 512);
  assert.equal(sandbox!.dropped, 0);
  blanks.starts(sandbox!, 512);
  assert.equal(sandbox!.dropped, 1);
  pass(delayMs);
  assert.equal(sandbox!.blankMemoryMib, 512);
});

test("a thread that nobody has wanted for long is ended, and none is made where no more instances go", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const [sandbox, full] = sandboxes(2);
  full!.takesInstances = false;
  blanks.starts(full!, MIB);
  blanks.starts(sandbox!, MIB);
  pass(delayMs);
  assert.deepEqual([sandbox!.blankMemoryMib, full!.blankMemoryMib], [MIB, undefined]);
  pass(idleMs - delayMs);
  blanks.sweep();
  assert.equal(sandbox!.blankMemoryMib, MIB);
  pass(delayMs);
  blanks.sweep();
  assert.equal(sandbox!.blankMemoryMib, undefined);
  pass(delayMs + retryMs);
  assert.equal(sandbox!.blankMemoryMib, undefined);
});
