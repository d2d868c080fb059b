import { BACKEND_LIMITS } from "../limits.ts";

const { windowMs, windowSteps, callsMin, failureShareMax, probesMin, openMs } = BACKEND_LIMITS.circuit;
const STEP_MS = windowMs / windowSteps;

//   closed ──half of enough attempts failed──▶ open ──some time──▶ half open ──some attempts succeeded──▶ closed
//                                               ▲                     │
//                                               └──one failed, longer─┘
export type CircuitState = "closed" | "open" | "half-open";

interface Step {
  number: number;
  attempts: number;
  failures: number;
}

/** Admits one attempt: how often the circuit had opened by then. */
export type Ticket = number;

const NO_ATTEMPTS: Readonly<Step> = { number: -1, attempts: 0, failures: 0 };

/**
 * Keeps requests away from a backend that fails most of them, and lets one at a time through after a while to see whether it is well
 * again. Time is an input. Each attempt that was admitted ends with exactly one of `succeed`, `fail` and `forget`, and counts for the
 * opening that it was admitted in: one of before is no probe, however it ends.
 */
export class CircuitBreaker {
  readonly #steps: Step[] = Array.from({ length: windowSteps }, () => ({ ...NO_ATTEMPTS }));
  #state: CircuitState = "closed";
  #openings: Ticket = 0;
  #opensUntilMs = 0;
  #openMs: number = openMs.first;
  #isProbing = false;
  #probesPassed = 0;

  state(nowMs: number): CircuitState {
    if (this.#state === "open" && nowMs >= this.#opensUntilMs) {
      this.#state = "half-open";
      this.#isProbing = false;
      this.#probesPassed = 0;
    }
    return this.#state;
  }

  /** Null when no attempt may be made now. */
  admit(nowMs: number): Ticket | null {
    const state = this.state(nowMs);
    if (state === "open" || (state === "half-open" && this.#isProbing)) return null;
    this.#isProbing = state === "half-open";
    return this.#openings;
  }

  succeed(ticket: Ticket, nowMs: number): void {
    if (ticket !== this.#openings) return;
    if (this.#state === "closed") {
      this.#stepAt(nowMs).attempts++;
      return;
    }
    this.#isProbing = false;
    if (++this.#probesPassed < probesMin) return;
    this.#state = "closed";
    this.#openMs = openMs.first;
    for (const step of this.#steps) Object.assign(step, NO_ATTEMPTS);
  }

  fail(ticket: Ticket, nowMs: number): void {
    if (ticket !== this.#openings) return;
    if (this.#state !== "closed") {
      this.#openMs = Math.min(this.#openMs * 2, openMs.max);
      this.#open(nowMs);
      return;
    }
    const step = this.#stepAt(nowMs);
    step.attempts++;
    step.failures++;
    const { attempts, failures } = this.#sums(step.number);
    if (attempts >= callsMin && failures > attempts * failureShareMax) this.#open(nowMs);
  }

  /** It ended for a reason that says nothing of the backend. */
  forget(ticket: Ticket): void {
    if (ticket === this.#openings) this.#isProbing = false;
  }

  #open(nowMs: number): void {
    this.#state = "open";
    this.#openings++;
    this.#opensUntilMs = nowMs + this.#openMs;
  }

  #stepAt(nowMs: number): Step {
    const number = Math.floor(nowMs / STEP_MS);
    const step = this.#steps[number % windowSteps]!;
    if (step.number !== number) Object.assign(step, { number, attempts: 0, failures: 0 });
    return step;
  }

  #sums(last: number): { attempts: number; failures: number } {
    const sums = { attempts: 0, failures: 0 };
    for (const { number, attempts, failures } of this.#steps) {
      if (number <= last - windowSteps) continue;
      sums.attempts += attempts;
      sums.failures += failures;
    }
    return sums;
  }
}
