import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { readTraceparent, Sampling, type Spans } from "@millrace/telemetry/tracing";
import type { Invocation, InvocationOutcome } from "../instances/invocation.ts";
import { hasFailed, invocationSpans } from "./invocation-spans.ts";

/** Exports what the runner knows of invocations whose trace is sampled, that have failed or took long: as the gateway does, by the same rules. */
export class InvocationTraces {
  readonly #spans: Spans | null;
  readonly #sampling: Sampling;

  constructor(spans: Spans | null, nowMs: () => number) {
    this.#spans = spans;
    // What begins here is nobody's request.
    this.#sampling = new Sampling({ ratio: 0, nowMs, random: () => 1 });
  }

  over(record: FunctionVersionRecord, invocation: Invocation, outcome: InvocationOutcome): void {
    const { headAt, acceptedAt, request } = invocation;
    if (this.#spans === null || request.traceparent === "") return;
    const untilHeadMs = headAt === 0 ? outcome.durationMs : headAt - acceptedAt;
    const isSampled = request.traceparent.endsWith("1");
    if (!this.#sampling.keeps(isSampled, hasFailed(outcome), untilHeadMs)) return;
    const parent = readTraceparent(request.traceparent);
    if (parent) this.#spans.add(invocationSpans(record, invocation, outcome, parent));
  }
}
