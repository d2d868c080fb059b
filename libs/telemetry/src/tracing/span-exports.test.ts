import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyResource } from "@opentelemetry/resources";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { FinishedSpan } from "./finished-span.ts";
import { TRACE_LIMITS } from "./limits.ts";
import { SpanExports } from "./span-exports.ts";

const { waitingMax, batchMax } = TRACE_LIMITS;

/** A collector that answers when it is told to. */
function collector() {
  const batches: ReadableSpan[][] = [];
  const answers: ((code: number) => void)[] = [];
  const exporter: SpanExporter = {
    export: (spans, answer) => {
      batches.push(spans);
      answers.push((code) => answer({ code }));
    },
    shutdown: async () => {},
  };
  const exports = new SpanExports({ resource: emptyResource(), openExporter: async () => exporter });
  const next = async () => {
    while (answers.length === 0) await new Promise(setImmediate);
    return answers.shift()!;
  };
  return { batches, exports, next };
}

const spans = (count: number): FinishedSpan[] =>
  Array.from({ length: count }, (_, at) => ({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: at.toString(16).padStart(16, "0"),
    parentSpanId: at === 0 ? "" : "0000000000000000",
    name: `span ${at}`,
    kind: "internal",
    startedAtMs: 1_700_000_000_000.25,
    endedAtMs: 1_700_000_000_001.5,
    attributes: {},
    error: at === 1 ? "function_error" : undefined,
  }));

test("spans go out together, one batch after the other, as the protocol has them", async () => {
  const { batches, exports, next } = collector();
  exports.add(spans(batchMax + 1));
  (await next())(0);
  (await next())(0);
  await exports.close();
  assert.deepEqual(
    batches.map(({ length }) => length),
    [batchMax, 1],
  );
  const [first, second] = batches[0]!;
  assert.deepEqual(
    [first!.startTime, first!.duration],
    [
      [1_700_000_000, 250_000],
      [0, 1_250_000],
    ],
  );
  assert.equal(first!.parentSpanContext, undefined);
  assert.equal(second!.parentSpanContext?.spanId, "0000000000000000");
  assert.deepEqual(second!.status, { code: 2, message: "function_error" });
  assert.deepEqual(exports.counters, { exported: batchMax + 1, overflowed: 0, undelivered: 0 });
});

test("while a collector does not answer, what is over the bound is dropped and counted", async () => {
  const { exports, next } = collector();
  exports.add(spans(batchMax));
  const answer = await next();
  exports.add(spans(waitingMax));
  exports.add(spans(3));
  assert.equal(exports.counters.overflowed, 3);
  answer(1);
  for (let at = 0; at < waitingMax; at += batchMax) (await next())(0);
  await exports.close();
  assert.deepEqual(exports.counters, { exported: waitingMax, overflowed: 3, undelivered: batchMax });
});

test("an exporter that cannot be opened, or throws, costs its spans and nothing else", async () => {
  const broken = new SpanExports({
    resource: emptyResource(),
    openExporter: async () => {
      throw new Error("no such module");
    },
  });
  broken.add(spans(2));
  await broken.close();
  assert.deepEqual(broken.counters, { exported: 0, overflowed: 0, undelivered: 2 });
});

test("a collector that never answers does not keep a process from ending", async () => {
  const { exports } = collector();
  exports.add(spans(1));
  const startedAt = performance.now();
  await exports.close();
  assert.ok(performance.now() - startedAt < TRACE_LIMITS.closeTimeoutMs + 1_000);
});
