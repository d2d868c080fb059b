import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { traceCalls } from "./call-traces.ts";
import type { FinishedSpan } from "./finished-span.ts";
import { TRACE_LIMITS } from "./limits.ts";

type EndOfCall = NonNullable<ReturnType<typeof traceCalls>>;

const METHOD = "/millrace.control.v1.ProjectService/GetProject";
const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const startedAtMs = performance.now();
const ended: Parameters<EndOfCall>[0] = {
  method: METHOD,
  traceparent: "",
  isStream: false,
  startedAtMs,
  endedAtMs: startedAtMs + 5,
  error: undefined,
};

function spansOf(call: Partial<typeof ended>): FinishedSpan[] {
  const spans: FinishedSpan[] = [];
  traceCalls({ add: (more) => spans.push(...more) }, 0)!({ ...ended, ...call });
  return spans;
}

test("a call whose caller traces it is a span below the caller's", () => {
  const [span] = spansOf({ traceparent: PARENT });
  assert.deepEqual(
    [span?.name, span?.traceId, span?.parentSpanId, span?.error],
    [METHOD.slice(1), "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", undefined],
  );
  assert.equal(span!.attributes["rpc.method"], "GetProject");
});

test("of the others those are kept that we failed, or that took long; how long a stream takes is its caller's affair", () => {
  const refused = new PlatformError("not_found", "There is none.", { reason: "project_not_found" });
  const broken = new PlatformError("unavailable", "Not now.", { reason: "database_unavailable" });
  const slow = { endedAtMs: startedAtMs + TRACE_LIMITS.slowMs + 1 };
  assert.deepEqual(spansOf({}), []);
  assert.deepEqual(spansOf({ error: refused }), []);
  assert.equal(spansOf({ error: broken })[0]?.error, "database_unavailable");
  assert.equal(spansOf(slow).length, 1);
  assert.deepEqual(spansOf({ ...slow, isStream: true }), []);
});

test("without an exporter nobody listens", () => assert.equal(traceCalls(null, 1), undefined));
