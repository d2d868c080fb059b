import type { Resource } from "@opentelemetry/resources";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import { type FinishedSpan, readableSpan } from "./finished-span.ts";
import { TRACE_LIMITS } from "./limits.ts";

/** Where spans go. Nobody waits for it, and it never throws. */
export interface Spans {
  add(spans: readonly FinishedSpan[]): void;
}

export interface SpanExportsDependencies {
  resource: Resource;
  /** Opened with the first span; tries again by itself, within its own timeout. */
  openExporter(): Promise<SpanExporter>;
}

/**
 * Exports spans many at a time, one batch after the other. While whoever takes them is slow or away they wait, up to a bound; what is over it
 * and what could not be delivered is dropped and counted.
 */
export class SpanExports implements Spans {
  readonly #deps: SpanExportsDependencies;
  #exporter: Promise<SpanExporter> | undefined;
  #waiting: FinishedSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #exporting: Promise<void> | undefined;
  readonly counters = { exported: 0, overflowed: 0, undelivered: 0 };

  constructor(deps: SpanExportsDependencies) {
    this.#deps = deps;
  }

  add(spans: readonly FinishedSpan[]): void {
    const room = TRACE_LIMITS.waitingMax - this.#waiting.length;
    // A part of a request's spans would say what was not so.
    if (spans.length > room) {
      this.counters.overflowed += spans.length;
      return;
    }
    this.#waiting.push(...spans);
    if (this.#waiting.length >= TRACE_LIMITS.batchMax) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), TRACE_LIMITS.flushMs).unref();
  }

  /** Sends what waits, for as long as a process that ends may take. */
  async close(): Promise<void> {
    this.#start();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, TRACE_LIMITS.closeTimeoutMs);
    const closing = async () => {
      await this.#exporting;
      await (await this.#exporter)?.shutdown();
    };
    await Promise.race([closing().catch(() => {}), late]);
    clearTimeout(timer);
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#exporting ??= this.#exportAll().finally(() => {
      this.#exporting = undefined;
    });
  }

  async #exportAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, TRACE_LIMITS.batchMax);
      if (await this.#deliver(batch)) this.counters.exported += batch.length;
      else this.counters.undelivered += batch.length;
    }
  }

  async #deliver(batch: readonly FinishedSpan[]): Promise<boolean> {
    try {
      this.#exporter ??= this.#deps.openExporter();
      const exporter = await this.#exporter;
      const spans = batch.map((span) => readableSpan(span, this.#deps.resource));
      return await new Promise((resolve) => exporter.export(spans, ({ code }) => resolve(code === EXPORTED)));
    } catch {
      return false;
    }
  }
}

/** `ExportResultCode.SUCCESS` */
const EXPORTED = 0;
