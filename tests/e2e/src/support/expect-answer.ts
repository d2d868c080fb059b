/** Waiting for an answer that a change brings about, and checking the refusals of the closed table. */
import assert from "node:assert/strict";
import { until } from "@millrace/testing";
import { type Answer, type Problem, problemOf } from "./http.ts";

const TIMEOUT_MS = 10_000;

/** Calls until the answer has the status, and the reason where one is given; fails with the last answer. */
export function untilAnswer(
  call: () => Promise<Answer>,
  status = 200,
  options: { readonly reason?: string; readonly timeoutMs?: number } = {},
): Promise<Answer> {
  const { reason, timeoutMs = TIMEOUT_MS } = options;
  let last: Answer | undefined;
  return until(
    async () => {
      last = await call();
      const fits = last.status === status && (reason === undefined || problemOf(last).reason === reason);
      return fits ? last : undefined;
    },
    { timeoutMs, message: () => `an answer ${status} ${reason ?? ""}; the last was ${last?.status}: ${last?.text}` },
  );
}

export type Expected = {
  readonly status: number;
  readonly reason: string;
  readonly component?: Problem["component"];
  /** What the one line for the caller must say. */
  readonly detail?: RegExp;
};

/** A refusal is a whole problem document, in both styles, with one line of detail and the request's id. */
export function assertRefused(answer: Answer, expected: Expected): Problem {
  const said = `${answer.status} ${answer.text}`;
  assert.equal(answer.headers["content-type"], "application/problem+json", said);
  const problem = problemOf(answer);
  const { status, reason, component = "gateway", detail } = expected;
  assert.deepEqual(
    { status: answer.status, reason: problem.reason, component: problem.component },
    { status, reason, component },
    said,
  );
  assert.equal(problem.status, status);
  assert.equal(problem.error.code, status);
  assert.match(problem.error.status, /^[A-Z_]+$/);
  assert.equal(problem.error.message, problem.detail);
  assert.ok(problem.detail.length > 0 && !problem.detail.includes("\n"), `one line of detail: ${said}`);
  assert.equal(problem.requestId, answer.headers["x-millrace-request-id"]);
  if (detail !== undefined) assert.match(problem.detail, detail);
  return problem;
}
