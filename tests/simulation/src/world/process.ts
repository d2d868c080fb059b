import type { Planned, Timeline } from "./timeline.ts";

/**
 * A process that may stand still and may die. What comes to it while it stands still happens when it goes on, mail before timers, as in an
 * event loop that wakes from its poll. What comes to a dead one does not happen.
 */
export class SimulatedProcess {
  readonly timeline: Timeline;
  #dead = false;
  #still = false;
  #mail: (() => void)[] = [];
  #late: (() => void)[] = [];

  constructor(timeline: Timeline) {
    this.timeline = timeline;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** Something comes from the bus. */
  receive(run: () => void): void {
    if (this.#dead) return;
    if (this.#still) this.#mail.push(run);
    else run();
  }

  after(delayMs: number, run: () => void): Planned {
    return this.timeline.after(delayMs, () => {
      if (this.#dead) return;
      if (this.#still) this.#late.push(run);
      else run();
    });
  }

  /** Answers a function that has its argument run at a time, once, as a timer that is set anew. */
  timer(run: () => void): (atMs: number) => void {
    let planned: Planned | undefined;
    return (atMs) => {
      if (planned !== undefined) planned.run = null;
      planned = this.after(atMs - this.timeline.nowMs, run);
    };
  }

  standStill(forMs: number): void {
    if (this.#still || this.#dead) return;
    this.#still = true;
    this.timeline.after(forMs, () => {
      this.#still = false;
      const [mail, late] = [this.#mail, this.#late];
      this.#mail = [];
      this.#late = [];
      for (const run of [...mail, ...late]) if (!this.#dead) run();
    });
  }

  die(): void {
    this.#dead = true;
  }
}
