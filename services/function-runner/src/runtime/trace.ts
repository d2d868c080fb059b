// The trace of an invocation as its function sees it, and the spans that the function makes itself. The function shares this realm: what it
// tells is its own word, and the supervisor alone says whose trace it is.
import { AsyncLocalStorage } from "node:async_hooks";
import { readTraceparent, spanBelow, type TraceParent, writeTraceparent } from "@millrace/telemetry/trace-context";
import { OWN_SPAN_LIMITS } from "../limits.ts";
import type { OwnSpan, OwnSpans } from "../sandbox/sandbox-frames.ts";
import type { Call } from "./call.ts";
import { headerOf } from "./request-parts.ts";

type Attributes = Record<string, string | number | boolean>;

const NO_TRACE: TraceParent = { traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: false };
const currentSpan = new AsyncLocalStorage<FunctionSpan>();

/** `context.trace` */
export class InvocationTrace {
  readonly #call: Call;
  /** The function's own span: what its runner exports. */
  readonly #own: TraceParent;
  readonly #spans: FunctionSpan[] = [];
  #made = 0;

  constructor(call: Call) {
    this.#call = call;
    const parent = readTraceparent(call.invoke.traceparent);
    this.#own = parent ? { ...parent, spanId: spanBelow(parent.spanId) } : NO_TRACE;
  }

  /** 32 hex digits. */
  get traceId(): string {
    return this.#own.traceId;
  }

  /** Of the innermost span that is open here: 16 hex digits. */
  get spanId(): string {
    const span = currentSpan.getStore();
    return span?.isOf(this) ? span.id : this.#own.spanId;
  }

  /** Whether the trace is exported whatever becomes of the request. */
  get sampled(): boolean {
    return this.#own.sampled;
  }

  /** To be sent along by whoever makes calls in another way than by `fetch` and `node:http`, which do so themselves; empty without a trace. */
  get traceparent(): string {
    return this.#own === NO_TRACE ? "" : writeTraceparent({ ...this.#own, spanId: this.spanId });
  }

  /** As the caller sent it. */
  get tracestate(): string {
    return headerOf(this.#call.invoke, "tracestate");
  }

  /** Measures what `work` does, until the promise settles that it may answer; answers, or throws, what it does. */
  span<Result>(name: string, work: (span: FunctionSpan) => Result, attributes: Attributes = {}): Result {
    const span = this.#begin("internal", String(name), attributes);
    return currentSpan.run(span, measured, span, work);
  }

  /** Begins the span of a call that the function makes; null without a trace. */
  beginCall(name: string, attributes: Attributes): FunctionSpan | null {
    return this.#own === NO_TRACE ? null : this.#begin("client", name, attributes);
  }

  #begin(kind: OwnSpan["kind"], name: string, attributes: Attributes): FunctionSpan {
    const outer = currentSpan.getStore();
    const parent = outer?.isOf(this) ? outer.id : "";
    const span = new FunctionSpan(this, this.#own, this.#call.beganAt, { kind, parent, name });
    for (const [key, value] of Object.entries(attributes)) span.setAttribute(key, value);
    if (++this.#made <= OWN_SPAN_LIMITS.spansMax) this.#spans.push(span);
    return span;
  }

  /** Whether there is anything to tell. */
  get isUsed(): boolean {
    return this.#made > 0;
  }

  /** All so far that fit. */
  get ownSpans(): OwnSpans {
    const spans: OwnSpan[] = [];
    let bytes = 64;
    for (const span of this.#spans) {
      const told = span.told;
      bytes += Buffer.byteLength(JSON.stringify(told)) + 1;
      if (bytes > OWN_SPAN_LIMITS.bytesMax) break;
      spans.push(told);
    }
    return { spans, dropped: this.#made - spans.length };
  }
}

/** What the work of a span is given. */
class FunctionSpan {
  readonly #trace: InvocationTrace;
  readonly #own: TraceParent;
  readonly #beganAt: number;
  readonly #told: Omit<OwnSpan, "id">;
  readonly id = randomId();

  constructor(
    trace: InvocationTrace,
    own: TraceParent,
    beganAt: number,
    { kind, parent, name }: Pick<OwnSpan, "kind" | "parent" | "name">,
  ) {
    this.#trace = trace;
    this.#own = own;
    this.#beganAt = beganAt;
    const startMs = performance.now() - beganAt;
    this.#told = { kind, parent, name: name.slice(0, OWN_SPAN_LIMITS.nameCharsMax), startMs, attributes: {} };
  }

  isOf(trace: InvocationTrace): boolean {
    return this.#trace === trace;
  }

  get traceparent(): string {
    return writeTraceparent({ ...this.#own, spanId: this.id });
  }

  get told(): OwnSpan {
    return { id: this.id, ...this.#told };
  }

  /** Of an attribute that is text, number or truth; others are ignored, and so are more than a span may have. */
  setAttribute(key: string, value: string | number | boolean): this {
    const { attributes } = this.#told;
    const { attributesMax, keyCharsMax, valueCharsMax } = OWN_SPAN_LIMITS;
    const isFull = Object.keys(attributes).length >= attributesMax && !Object.hasOwn(attributes, key);
    if (isFull || key.length > keyCharsMax) return this;
    if (typeof value === "string") attributes[key] = value.slice(0, valueCharsMax);
    else if (typeof value === "boolean" || Number.isFinite(value)) attributes[key] = value;
    return this;
  }

  end(): void {
    this.#told.endMs ??= performance.now() - this.#beganAt;
  }

  fail(error: unknown): void {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#told.error = text.slice(0, OWN_SPAN_LIMITS.valueCharsMax);
    this.end();
  }
}

function measured<Result>(span: FunctionSpan, work: (span: FunctionSpan) => Result): Result {
  const fail = (error: unknown) => {
    span.fail(error);
    throw error;
  };
  try {
    const result = work(span);
    if (typeof (result as PromiseLike<unknown> | undefined)?.then !== "function") {
      span.end();
      return result;
    }
    return (result as PromiseLike<unknown>).then((value) => {
      span.end();
      return value;
    }, fail) as Result;
  } catch (error) {
    return fail(error);
  }
}

function randomId(): string {
  const half = () =>
    Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return `${half()}${half()}`;
}
