import { RequestBatch, type RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import { EVENT_LIMITS } from "../limits.ts";

/**
 * Tells control-plane what became of requests: many events to a message, and nobody waits for it. What is over the bound of a second, or
 * finds no bus, is dropped and counted. Failures have a bound of their own: requests that were served cannot crowd them out.
 */
export class RequestEvents {
  /** Hands a message to the bus; false when it is away. */
  readonly #send: (bytes: Uint8Array) => boolean;
  readonly #nowMs: () => number;
  readonly #window = { endsAtMs: 0, served: 0, failed: 0 };
  #waiting: RequestEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;

  constructor(send: (bytes: Uint8Array) => boolean, nowMs: () => number) {
    this.#send = send;
    this.#nowMs = nowMs;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** `eventOf` is asked only when there is room for the event. */
  add(failed: boolean, eventOf: () => RequestEvent): void {
    if (!this.#admits(failed)) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(eventOf());
    if (this.#waiting.length >= EVENT_LIMITS.batchMax) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), EVENT_LIMITS.flushMs);
  }

  /** Sends what waits, at once. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0) return;
    if (!this.#send(RequestBatch.encode({ events }).finish())) this.#dropped += events.length;
  }

  #admits(failed: boolean): boolean {
    const window = this.#window;
    const nowMs = this.#nowMs();
    if (nowMs >= window.endsAtMs) {
      window.endsAtMs = nowMs + 1_000;
      window.served = 0;
      window.failed = 0;
    }
    if (failed) return ++window.failed <= EVENT_LIMITS.failedPerSecond;
    return ++window.served <= EVENT_LIMITS.servedPerSecond;
  }
}
