import type { Connections, Outcome, PendingRequest } from "./connections.ts";
import { Latencies } from "./latencies.ts";
import type { AnswerCount, StreamPlan, StreamResult } from "./load-plan.ts";

// Requests at a constant rate. Each has a moment at which it should be sent; its latency counts from there, not from when the generator
// got round to it, so that a server that stalls is charged with everyone who would have called meanwhile.

interface Tally {
  latencies: Latencies;
  arrived: number;
}

interface Open extends PendingRequest {
  readonly intendedAt: number;
}

export interface StreamWindow {
  startAt: number;
  countFrom: number;
  countTo: number;
}

export class Stream {
  readonly #plan: StreamPlan;
  readonly #connections: Connections;
  readonly #window: StreamWindow;
  readonly #now: () => number;
  readonly #bytes: string;
  readonly #tallies = new Map<Outcome, Tally>();
  readonly #lateness = new Latencies();
  /** In the order of their deadlines. */
  readonly #open = new Set<Open>();
  #issued = 0;
  #counted = 0;

  constructor(plan: StreamPlan, connections: Connections, window: StreamWindow, now: () => number) {
    this.#plan = plan;
    this.#connections = connections;
    this.#window = window;
    this.#now = now;
    this.#bytes = bytesOf(plan);
  }

  /** Sends what is due, and gives up what is past its deadline. */
  tick(): void {
    const now = this.#now();
    for (;;) {
      const intendedAt = this.#nextAt;
      if (intendedAt > now || intendedAt >= this.#window.countTo) break;
      this.#issue(intendedAt);
    }
    for (const request of this.#open) {
      if (request.intendedAt + this.#plan.timeoutMs > now) break;
      this.#connections.giveUp(request);
    }
  }

  /** Whether everything was sent and has its outcome. */
  get isOver(): boolean {
    return this.#nextAt >= this.#window.countTo && this.#open.size === 0;
  }

  get #nextAt(): number {
    return this.#window.startAt + (this.#issued * 1_000) / this.#plan.ratePerSecond;
  }

  result(): StreamResult {
    const { name, ratePerSecond } = this.#plan;
    const answers = Object.fromEntries([...this.#tallies].map(([outcome, tally]) => [outcome, this.#countOf(tally)]));
    return {
      name,
      ratePerSecond,
      requests: this.#counted,
      answers,
      lateP50Ms: this.#lateness.quantileMs(0.5),
      lateP99Ms: this.#lateness.quantileMs(0.99),
    };
  }

  #issue(intendedAt: number): void {
    const counts = intendedAt >= this.#window.countFrom;
    const request: Open = {
      bytes: this.#bytes,
      intendedAt,
      onSent: () => counts && this.#lateness.record(this.#now() - intendedAt),
      onOutcome: (outcome) => this.#onOutcome(request, outcome, counts),
    };
    this.#issued++;
    if (counts) this.#counted++;
    this.#open.add(request);
    this.#connections.send(request);
  }

  #onOutcome(request: Open, outcome: Outcome, counts: boolean): void {
    this.#open.delete(request);
    const now = this.#now();
    const tally = this.#tallies.get(outcome) ?? { latencies: new Latencies(), arrived: 0 };
    this.#tallies.set(outcome, tally);
    if (counts) tally.latencies.record(now - request.intendedAt);
    if (now >= this.#window.countFrom && now < this.#window.countTo) tally.arrived++;
  }

  #countOf({ latencies, arrived }: Tally): AnswerCount {
    return {
      count: latencies.count,
      arrivedPerSecond: (arrived * 1_000) / (this.#window.countTo - this.#window.countFrom),
      p50Ms: latencies.quantileMs(0.5),
      p99Ms: latencies.quantileMs(0.99),
      maxMs: latencies.maxMs,
    };
  }
}

function bytesOf({ url, method = "GET", body = "" }: StreamPlan): string {
  const { host, pathname, search } = new URL(url);
  const length = method === "POST" ? `content-length: ${Buffer.byteLength(body, "latin1")}\r\n` : "";
  return `${method} ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n${length}\r\n${body}`;
}
