import assert from "node:assert/strict";
import { test } from "node:test";
import { problemBody, problemHeaders } from "./problem.ts";
import { REASONS, type Reason, type ReasonRow, reasonOfRunner, refuse } from "./reasons.ts";

const reasons = Object.keys(REASONS) as Reason[];

test("every problem reads in both styles, and its members agree", () => {
  for (const reason of reasons) {
    const row: ReasonRow = REASONS[reason];
    const problem = JSON.parse(problemBody(refuse(reason, "why"), "id-1").toString());
    assert.deepEqual(problem, {
      type: `urn:millrace:reason:${reason}`,
      title: row.title,
      status: row.status,
      detail: "why",
      requestId: "id-1",
      component: row.component,
      reason,
      error: { code: row.status, status: row.jdStatus, message: "why" },
    });
  }
});

test("429 and 503 say when to try again, and nothing else does", () => {
  for (const reason of reasons) {
    const headers = problemHeaders(refuse(reason, ""), Buffer.alloc(0));
    assert.equal(headers.includes("retry-after"), [429, 503].includes(REASONS[reason].status), reason);
  }
});

test("a runner can blame a function and itself, and nobody else", () => {
  assert.equal(reasonOfRunner("function_error"), "function_error");
  assert.equal(reasonOfRunner("instance_lost"), "instance_lost");
  for (const reason of ["credential_unknown", "no_deployment", "", "something_new", "__proto__"]) {
    assert.equal(reasonOfRunner(reason), "internal");
  }
});
