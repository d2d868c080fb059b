import { EventTallies, type TallyRecord } from "@millrace/bus";
import { RequestBatch, type RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import { EVENT_LIMITS } from "../limits.ts";

/** Whether a request was served, was refused or failed, or had no deployment: each kind has a bound of its own, so that none crowds out another. */
export type EventKind = "served" | "failed" | "unrouted";

const BOUNDS: Readonly<Record<EventKind, number>> = {
  served: EVENT_LIMITS.servedPerSecond,
  failed: EVENT_LIMITS.failedPerSecond,
  unrouted: EVENT_LIMITS.unroutedPerSecond,
};

/**
 * Tells control-plane what became of requests: many events to a message, and nobody waits for it. What is over the bound of a second, or
 * finds no bus, is dropped, counted by project, and control-plane is told how much it was.
 */
export class RequestEvents {
  /** Hands a message to the bus; false when it is away. */
  readonly #send: (bytes: Uint8Array) => boolean;
  readonly #nowMs: () => number;
  readonly #tallies = new EventTallies();
  readonly #window = { endsAtMs: 0, served: 0, failed: 0, unrouted: 0 };
  #waiting: RequestEvent[] = [];
  #flushTimer: NodeJS.Timeout | undefined;
  #tallyTimer: NodeJS.Timeout | undefined;

  constructor(send: (bytes: Uint8Array) => boolean, nowMs: () => number) {
    this.#send = send;
    this.#nowMs = nowMs;
  }

  get dropped(): number {
    return this.#tallies.dropped;
  }

  /** `eventOf` is asked only when there is room for the event. `project` is whose deployment it was; empty for none. */
  add(kind: EventKind, project: string, eventOf: () => RequestEvent): void {
    if (!this.#admits(kind)) {
      this.#tallies.drop(project, 1);
      this.#startTallying();
      return;
    }
    this.#waiting.push(eventOf());
    if (this.#waiting.length >= EVENT_LIMITS.batchMax) this.flush();
    else this.#flushTimer ??= setTimeout(() => this.flush(), EVENT_LIMITS.flushMs);
  }

  /** Sends what waits, at once. */
  flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0) return;
    const counts = new Map<string, number>();
    for (const { project } of events) counts.set(project, (counts.get(project) ?? 0) + 1);
    const nowMs = this.#nowMs();
    const tallies = [...counts].map(([project, count]) => this.#tallies.tell(project, count, nowMs));
    if (!this.#send(RequestBatch.encode({ events, tallies }).finish())) {
      for (const [project, count] of counts) this.#tallies.untell(project, count);
    }
    this.#startTallying();
  }

  /** Sends what waits, and how much was left out. */
  close(): void {
    this.flush();
    this.#tellTallies(true);
    clearTimeout(this.#tallyTimer);
  }

  #tellTallies(isLast = false): void {
    const send = (tally: TallyRecord) => this.#send(RequestBatch.encode({ events: [], tallies: [tally] }).finish());
    this.#tallies.tellDue(this.#nowMs(), send, isLast);
    this.#tallyTimer = undefined;
    if (this.#tallies.isOpen) this.#startTallying();
  }

  #startTallying(): void {
    this.#tallyTimer ??= setTimeout(() => this.#tellTallies(), EVENT_LIMITS.tallyTurnMs).unref();
  }

  #admits(kind: EventKind): boolean {
    const window = this.#window;
    const nowMs = this.#nowMs();
    if (nowMs >= window.endsAtMs) Object.assign(window, { endsAtMs: nowMs + 1_000, served: 0, failed: 0, unrouted: 0 });
    return ++window[kind] <= BOUNDS[kind];
  }
}
