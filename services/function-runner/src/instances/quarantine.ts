import { QUARANTINE_LIMITS } from "../limits.ts";

const { deathsMax, windowMs, sameDeathMs, restMs, restMaxMs } = QUARANTINE_LIMITS;

/**
 * Holds back a function version that keeps ending its sandbox, and its project's other functions with it. It ends by itself: the version
 * is tried again, and the next death within the window holds it back for twice as long.
 */
export class Quarantine {
  /** When sandboxes died of it, the last ones. */
  #deathsAt: number[] = [];
  #rests = 0;
  #endsAt = -Infinity;

  /** Answers whether the version is held back from now on. */
  died(now: number): boolean {
    const last = this.#deathsAt.at(-1) ?? -Infinity;
    if (now < this.#endsAt || now - last < sameDeathMs) return false;
    // Being held back is no sign of health.
    if (now - Math.max(last, this.#endsAt) > windowMs) this.#rests = 0;
    this.#deathsAt = [...this.#deathsAt.filter((at) => now - at <= windowMs), now];
    if (this.#rests === 0 && this.#deathsAt.length < deathsMax) return false;
    this.#endsAt = now + Math.min(restMs * 2 ** this.#rests++, restMaxMs);
    return true;
  }

  holds(now: number): boolean {
    return now < this.#endsAt;
  }

  /** In whole milliseconds: what is added to a time and taken off again is not quite what it was. */
  remainingMs(now: number): number {
    return Math.max(0, Math.round(this.#endsAt - now));
  }
}
