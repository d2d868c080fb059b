import { EGRESS_LIMITS } from "../limits.ts";

/**
 * What became of an attempt to connect. `closed`: both sides were done; `broken`: one was lost; `cut`: it went over a limit;
 * `abandoned`: whoever asked was gone before it stood; `limited`: there was no room for it.
 */
export type EgressOutcome =
  | "closed"
  | "broken"
  | "cut"
  | "denied"
  | "not_found"
  | "refused"
  | "timed_out"
  | "failed"
  | "limited"
  | "abandoned";

export interface EgressEvent {
  project: string;
  /** As the sandbox says. */
  function: string;
  /** `host:port` as it was asked for. */
  target: string;
  /** Empty when none was tried. */
  address: string;
  outcome: EgressOutcome;
  bytesOut: number;
  bytesIn: number;
  durationMs: number;
}

export interface EgressCounters {
  outcomes: Map<EgressOutcome, number>;
  bytesOut: number;
  bytesIn: number;
  /** Lines of the audit that were over the bound. */
  unwritten: number;
}

const SECOND_MS = 1_000;

/** Counts and writes down every attempt of a function to connect somewhere. */
export class EgressAudit {
  readonly counters: EgressCounters = { outcomes: new Map(), bytesOut: 0, bytesIn: 0, unwritten: 0 };
  readonly #log: { info(fields: object, message: string): void };
  #second = 0;
  #lines = 0;

  constructor(log: { info(fields: object, message: string): void }) {
    this.#log = log;
  }

  over(event: EgressEvent): void {
    const { outcomes } = this.counters;
    outcomes.set(event.outcome, (outcomes.get(event.outcome) ?? 0) + 1);
    this.counters.bytesOut += event.bytesOut;
    this.counters.bytesIn += event.bytesIn;
    const second = Math.floor(performance.now() / SECOND_MS);
    if (second !== this.#second) [this.#second, this.#lines] = [second, 0];
    if (++this.#lines > EGRESS_LIMITS.auditLinesPerSecond) this.counters.unwritten++;
    else this.#log.info(event, "a function's connection");
  }
}
