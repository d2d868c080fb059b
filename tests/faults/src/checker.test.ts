import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, Checker } from "./checker.ts";

const OK = 200;

function setUp(): { checker: Checker; at(ms: number): void } {
  let nowMs = 0;
  const checker = new Checker({ nowMs: () => nowMs, failures: ["502 runner_lost", "503 overloaded"], attemptsMax: 2 });
  return {
    checker,
    at: (ms) => {
      nowMs = ms;
    },
  };
}

type Case = { method?: "GET" | "POST"; answers: ("own" | Answer)[]; atMs?: number; executions: number; fault?: RegExp };
const failed = (status: number, reason: string): Answer => ({ status, reason, id: "" });

const CASES: Record<string, Case> = {
  "a success that was executed once": { answers: ["own"], executions: 1 },
  "a failure that the options name, executed or not": { answers: [failed(502, "runner_lost")], executions: 1 },
  "a safe request that was placed again": { method: "GET", answers: ["own"], executions: 2 },
  "no answer": { answers: [], executions: 1, fault: /^no answer: \w+-1 POST/ },
  "two answers": { answers: ["own", "own"], executions: 1, fault: /^more than one answer/ },
  "an answer at the deadline": { answers: ["own"], atMs: 1_000, executions: 1 },
  "an answer after the deadline": { answers: ["own"], atMs: 1_001, executions: 1, fault: /^an answer after/ },
  "another request's answer": {
    answers: [{ status: OK, reason: "", id: "r9" }],
    executions: 1,
    fault: /^the answer to r9/,
  },
  "a failure that nobody named": {
    answers: [failed(500, "internal")],
    executions: 0,
    fault: /^an answer that nothing/,
  },
  "a connection that broke": { answers: ["unknown"], executions: 0, fault: /^a connection that broke without a cause/ },
  "a success that nobody executed": { answers: ["own"], executions: 0, fault: /^a success without an execution/ },
  "an unsafe request executed twice": { answers: ["own"], executions: 2, fault: /^an unsafe request executed more/ },
  "an unsafe request executed twice though it failed": {
    answers: [failed(502, "runner_lost")],
    executions: 2,
    fault: /^an unsafe request executed more/,
  },
  "an unsafe request that was refused and executed": {
    answers: [failed(503, "overloaded")],
    executions: 1,
    fault: /^a refused request executed/,
  },
  "a safe request executed more often than it may be placed": {
    method: "GET",
    answers: ["own"],
    executions: 3,
    fault: /^more executions than attempts/,
  },
};

for (const [what, { method = "POST", answers, atMs = 10, executions, fault }] of Object.entries(CASES)) {
  test(`${what}: ${fault === undefined ? "nothing to find" : "found"}`, () => {
    const { checker, at } = setUp();
    const id = checker.sent({ method, gateway: "gateway-1", deadlineMs: 1_000 });
    for (let count = 0; count < executions; count++) checker.executed(id, `thread ${count}`);
    at(atMs);
    for (const answer of answers) checker.answered(id, answer === "own" ? { status: OK, reason: "", id } : answer);
    const { faults } = checker;
    assert.equal(faults.length, fault === undefined ? 0 : 1, faults.join());
    if (fault !== undefined) assert.match(faults[0]!, fault);
  });
}

test("a connection may break with its gateway: while it is down, not before, not after, and not another's", () => {
  const { checker, at } = setUp();
  const send = (gateway: string) => checker.sent({ method: "POST", gateway, deadlineMs: 1_000 });
  const broken = (sentAt: number, brokeAt: number, gateway = "gateway-1") => ({ sentAt, brokeAt, gateway });
  at(100);
  const back = checker.gatewayGoes("gateway-1");
  at(200);
  back();
  const breaks = [broken(50, 100), broken(150, 160), broken(200, 210), broken(50, 99), broken(201, 210)];
  const found = [...breaks, broken(150, 160, "gateway-2")].map(({ sentAt, brokeAt, gateway }) => {
    const before = checker.faults.length;
    at(sentAt);
    const id = send(gateway);
    at(brokeAt);
    checker.answered(id, "unknown");
    return checker.faults.length - before;
  });
  assert.deepEqual(found, [0, 0, 0, 1, 1, 1]);
});

test("an execution that nobody asked for, and bytes that nobody asked for, are found", () => {
  const { checker } = setUp();
  checker.executed("r7", "thread 1");
  checker.unasked("gateway-1", "HTTP/1.1 200 OK");
  assert.equal(checker.faults.length, 2);
});
