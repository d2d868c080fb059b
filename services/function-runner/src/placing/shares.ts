interface Claimant {
  running: number;
  /** Until when it counts as one that wants a slot and was turned away. */
  wantsUntilMs: number;
}

/**
 * Who holds how many of the slots, and who of them must leave the last ones to others. Anybody may hold all slots as long as nobody
 * with fewer than a fair share is turned away; then those with a fair share or more leave to those others what these lack, up to
 * `keptMax` slots. Time is an input.
 */
export class Shares {
  readonly #slots: number;
  readonly #keptMax: number;
  readonly #wantMs: number;
  readonly #claimants = new Map<string, Claimant>();
  /** Nobody wants anything after this. */
  #wantedUntilMs = -Infinity;

  constructor(slots: number, keptMax: number, wantMs: number) {
    this.#slots = slots;
    this.#keptMax = keptMax;
    this.#wantMs = wantMs;
  }

  get size(): number {
    return this.#claimants.size;
  }

  /** How many slots must stay free when `name` asks for one. */
  keptFrom(name: string, nowMs: number): number {
    if (nowMs >= this.#wantedUntilMs) return 0;
    const share = this.#fairShare(nowMs);
    const own = this.#claimants.get(name);
    if (own === undefined || own.running < share) return 0;
    let lacking = 0;
    for (const claimant of this.#claimants.values()) {
      if (claimant !== own && nowMs < claimant.wantsUntilMs) lacking += Math.max(0, share - claimant.running);
    }
    return Math.min(lacking, this.#keptMax);
  }

  take(name: string): void {
    this.#open(name).running++;
  }

  turnAway(name: string, nowMs: number): void {
    this.#wantedUntilMs = nowMs + this.#wantMs;
    this.#open(name).wantsUntilMs = this.#wantedUntilMs;
  }

  release(name: string, nowMs: number): void {
    const claimant = this.#claimants.get(name)!;
    claimant.running--;
    if (claimant.running === 0 && nowMs >= claimant.wantsUntilMs) this.#claimants.delete(name);
  }

  /** Forgets who has nothing and wants nothing any more. */
  sweep(nowMs: number): void {
    for (const [name, { running, wantsUntilMs }] of this.#claimants) {
      if (running === 0 && nowMs >= wantsUntilMs) this.#claimants.delete(name);
    }
  }

  #fairShare(nowMs: number): number {
    let active = 0;
    for (const { running, wantsUntilMs } of this.#claimants.values()) if (running > 0 || nowMs < wantsUntilMs) active++;
    return Math.max(1, Math.floor(this.#slots / Math.max(1, active)));
  }

  #open(name: string): Claimant {
    let claimant = this.#claimants.get(name);
    if (claimant === undefined) {
      claimant = { running: 0, wantsUntilMs: -Infinity };
      this.#claimants.set(name, claimant);
    }
    return claimant;
  }
}
