import { Sampling, type Spans, spanBelow, type TraceParent } from "@millrace/telemetry/tracing";
import type { Exchange } from "../edge/exchange.ts";
import type { AccessLogLine } from "./access-log.ts";
import { randomHex } from "./random-ids.ts";
import { hasFailed, requestSpans } from "./request-spans.ts";

/** This hop's part of a trace. */
export interface RequestSpan extends TraceParent {
  /** The caller's; empty when the trace begins here. */
  parentSpanId: string;
}

export interface TracesDependencies {
  /** Null when nobody wants any: then traces only pass through. */
  spans: Spans | null;
  /** Of the traces that begin here, so many are sampled; 0 to 1. */
  ratio: number;
  nowMs: () => number;
  random: () => number;
}

/** A request has ids from its beginning; spans it has only when it is over, and somebody is to see them. */
export class Traces {
  readonly #spans: Spans | null;
  readonly #sampling: Sampling;

  constructor({ spans, ...sampling }: TracesDependencies) {
    this.#spans = spans;
    this.#sampling = new Sampling(sampling);
  }

  /** `parent` is null when the caller sent no usable context. */
  begin(parent: TraceParent | null): RequestSpan {
    return {
      traceId: parent?.traceId ?? randomHex(16),
      spanId: randomHex(8),
      parentSpanId: parent?.spanId ?? "",
      sampled: this.#spans === null ? (parent?.sampled ?? false) : this.#sampling.samples(parent),
    };
  }

  /** Exports the spans of a request that was sampled, has failed or took long, and answers whether it was one. */
  end(exchange: Exchange, line: AccessLogLine, durationMs: number): boolean {
    const { span, headAtMs, startedAtMs } = exchange;
    if (this.#spans === null || span === null) return false;
    const untilHeadMs = headAtMs === 0 ? durationMs : headAtMs - startedAtMs;
    if (!this.#sampling.keeps(span.sampled, hasFailed(exchange), untilHeadMs)) return false;
    this.#spans.add(requestSpans(exchange, span, line, durationMs));
    return true;
  }
}

/** The call of a backend: the parent of what the runner tells of it. */
export function callOf({ traceId, spanId, sampled }: TraceParent): TraceParent {
  return { traceId, spanId: spanBelow(spanId), sampled };
}
