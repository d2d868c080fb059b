import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BLANK_THREAD_LIMITS } from "../limits.ts";
import type { ThreadKind } from "../sandbox/sandbox-frames.ts";
import { type BlankHolder, BlankThreads } from "./blank-threads.ts";

const { threadsMax, delayMs, retryMs, patienceMs, restlessMs, idleMs } = BLANK_THREAD_LIMITS;
const KIND = { memoryMib: 128, withWeb: false };
const LARGE = { memoryMib: 512, withWeb: false };
const WEB = { memoryMib: 128, withWeb: true };

class FakeSandbox implements BlankHolder {
  blank: ThreadKind | undefined;
  isPreparing = false;
  takesBlanks = true;
  dropped = 0;

  prepare(kind: ThreadKind): void {
    this.blank = kind;
  }

  dropBlank(): void {
    this.blank = undefined;
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

test("a sandbox in which something was started gets a thread of that kind ahead, a moment later", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const [sandbox, other] = sandboxes(2);
  blanks.starts(sandbox!, WEB);
  pass(delayMs / 2);
  assert.equal(sandbox!.blank, undefined);
  pass(delayMs / 2);
  assert.equal(sandbox!.blank, WEB);
  assert.equal(other!.blank, undefined);
});

test("a sandbox that has no channel for another thread is in nobody's way", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const [full, other] = sandboxes(2);
  full!.takesBlanks = false;
  for (const sandbox of [full!, other!]) blanks.starts(sandbox, KIND);
  pass(delayMs);
  assert.deepEqual([full!.blank, other!.blank], [undefined, KIND]);
});

test("one thread is started at a time", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const both = sandboxes(2);
  for (const sandbox of both) blanks.starts(sandbox, KIND);
  pass(delayMs);
  both[0]!.isPreparing = true;
  pass(retryMs * 8);
  assert.deepEqual([both[0]!.blank, both[1]!.blank], [KIND, undefined]);
  both[0]!.isPreparing = false;
  pass(retryMs);
  assert.equal(both[1]!.blank, KIND);
});

test("while no core is to spare a thread waits, but not for ever", (t) => {
  const { cores, blanks, pass, sandboxes } = setUp(t);
  const [sandbox] = sandboxes(1);
  cores.spare = 0;
  blanks.starts(sandbox!, KIND);
  pass(patienceMs - delayMs);
  assert.equal(sandbox!.blank, undefined);
  pass(delayMs + retryMs);
  assert.equal(sandbox!.blank, KIND);
});

test("there are no more threads than may be, and the longest unused one makes room", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const all = sandboxes(threadsMax);
  for (const sandbox of all) blanks.starts(sandbox, KIND);
  pass(delayMs + retryMs * threadsMax);
  assert.ok(all.every(({ blank }) => blank === KIND));
  const [late] = sandboxes(1);
  blanks.starts(late!, KIND);
  pass(restlessMs / 2);
  blanks.starts(all[0]!, KIND);
  pass(restlessMs / 2 + retryMs);
  assert.equal(late!.blank, KIND);
  assert.deepEqual(
    all.flatMap(({ dropped }, at) => (dropped > 0 ? [at] : [])),
    [1],
  );
});

test("a thread that starts keep passing by makes room for one of their kind; one that passes by does not cost it", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const [sandbox] = sandboxes(1);
  sandbox!.prepare(KIND);
  blanks.starts(sandbox!, LARGE);
  blanks.starts(sandbox!, KIND);
  blanks.starts(sandbox!, LARGE);
  assert.equal(sandbox!.dropped, 0);
  blanks.starts(sandbox!, LARGE);
  assert.equal(sandbox!.dropped, 1);
  pass(delayMs);
  assert.equal(sandbox!.blank, LARGE);
});

test("a thread that nobody has wanted for long is ended, and none is made where no more instances go", (t) => {
  const { blanks, pass, sandboxes } = setUp(t);
  const [sandbox, full] = sandboxes(2);
  full!.takesBlanks = false;
  blanks.starts(full!, KIND);
  blanks.starts(sandbox!, KIND);
  pass(delayMs);
  assert.deepEqual([sandbox!.blank, full!.blank], [KIND, undefined]);
  pass(idleMs - delayMs);
  blanks.sweep();
  assert.equal(sandbox!.blank, KIND);
  pass(delayMs);
  blanks.sweep();
  assert.equal(sandbox!.blank, undefined);
  pass(delayMs + retryMs);
  assert.equal(sandbox!.blank, undefined);
});
