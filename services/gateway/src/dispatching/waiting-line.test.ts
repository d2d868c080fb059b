import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DISPATCH_LIMITS } from "../limits.ts";
import { BodyFeed } from "./body-feed.ts";
import { Call, type InvokeContent, type Wire } from "./call.ts";
import { WaitingLine } from "./waiting-line.ts";

const SINK = { head() {}, chunk() {}, failed() {} };

function callOf(project: string, { depth = 0, attempts = 0 } = {}): Call {
  const content = { depth, functionKey: "f@1" } as InvokeContent;
  const invocation = { content, body: BodyFeed.of(Buffer.alloc(0)), project, timeoutMs: 1_000, safe: true };
  const call = new Call(invocation, SINK, 10_000, {} as Wire);
  call.attempts = attempts;
  return call;
}

/** Serves `slots` calls; answers whose they were, in order. */
function serve(line: WaitingLine, slots: number): string[] {
  const served: string[] = [];
  line.serve(
    ({ laneKey }) => {
      served.push(laneKey);
      return true;
    },
    () => served.length < slots,
  );
  return served;
}

test("projects take turns, whoever came first and however many calls they have", () => {
  const line = new WaitingLine();
  for (const project of ["a", "a", "a", "a", "b", "b", "c"]) line.add(callOf(project), 0);
  assert.deepEqual(serve(line, 2), ["a", "b"]);
  assert.deepEqual(serve(line, 9), ["c", "a", "b", "a", "a"]);
  assert.equal(line.length, 0);
});

test("calls of functions do not stand behind their project's callers", () => {
  const line = new WaitingLine();
  for (let n = 0; n < 3; n++) line.add(callOf("a"), 0);
  line.add(callOf("a", { depth: 1 }), 0);
  assert.ok(line.hasDeep);
  assert.deepEqual(serve(line, 2), ["a", "a 1"]);
  assert.equal(line.hasDeep, false);
});

test("in a lane the order is that of arrival, and who had a runner before is older", () => {
  const line = new WaitingLine();
  const [first, second, again] = [callOf("a"), callOf("a"), callOf("a", { attempts: 1 })];
  for (const call of [first, second, again]) line.add(call, 0);
  const order: Call[] = [];
  line.serve(
    (call) => order.push(call) > 0,
    () => true,
  );
  assert.deepEqual(order, [again, first, second]);
});

test("whatever is added, removed and served, nobody is forgotten and nobody who waits is overtaken by more than one", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("add" as const), project: fc.constantFrom("a", "b", "c"), attempts: fc.nat(1) }),
    fc.record({ kind: fc.constant("remove" as const), at: fc.nat(99) }),
    fc.record({ kind: fc.constant("serve" as const), slots: fc.nat(6) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const line = new WaitingLine();
      const waiting = new Set<Call>();
      for (const one of steps) {
        if (one.kind === "add") {
          const call = callOf(one.project, { attempts: one.attempts });
          line.add(call, 0);
          waiting.add(call);
        } else if (one.kind === "remove") {
          const call = [...waiting][one.at % Math.max(1, waiting.size)];
          if (call !== undefined) line.remove(call);
          if (call !== undefined) waiting.delete(call);
        } else {
          const counts = new Map<string, number>();
          let { slots } = one;
          line.serve(
            (call) => {
              assert.ok(waiting.delete(call));
              counts.set(call.laneKey, (counts.get(call.laneKey) ?? 0) + 1);
              slots--;
              return true;
            },
            () => slots > 0,
          );
          for (const call of waiting) {
            const own = counts.get(call.laneKey) ?? 0;
            for (const other of counts.values()) assert.ok(other <= own + 1, "who still waits had its turn");
          }
        }
        assert.equal(line.length, waiting.size);
      }
    }),
  );
});

test("how long one would wait follows from how fast slots come free, and from how many projects share them", () => {
  const { waitingFreelyMax } = DISPATCH_LIMITS;
  const line = new WaitingLine();
  for (let n = 0; n < 100; n++) line.add(callOf("a"), 1_000);
  assert.equal(line.expectedWaitMs(callOf("a"), 1_050), 0, "too soon to tell");
  for (let nowMs = 1_000; nowMs < 2_000; nowMs += 10) line.noteDeparture(nowMs);
  const alone = line.expectedWaitMs(callOf("a"), 2_000);
  assert.ok(alone > 900 && alone < 1_100, `${alone} ms for 101 calls at one in 10 ms`);
  assert.equal(line.expectedWaitMs(callOf("b"), 2_000), 0, "a project's first calls always may");
  for (let n = 0; n < waitingFreelyMax; n++) line.add(callOf("b"), 2_000);
  const shared = line.expectedWaitMs(callOf("a"), 2_000);
  assert.ok(Math.abs(shared - 2 * alone) < 1);
  assert.equal(line.expectedWaitMs(callOf("a"), 60_000), Infinity, "nothing has come free for long");
});

test("when the line is full the last of the longest lane makes room for a project with fewer", () => {
  const line = new WaitingLine();
  const calls = Array.from({ length: 5 }, () => callOf("a"));
  for (const call of calls) line.add(call, 0);
  assert.equal(line.lastOfLongest(callOf("a")), undefined);
  assert.equal(line.lastOfLongest(callOf("b")), calls[4]);
});
