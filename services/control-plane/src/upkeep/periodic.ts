import type { BusLog } from "@millrace/bus";

/** Repeats a piece of upkeep until closed, never two of it at once; a failure is logged, and the next turn tries again. */
export class Periodic {
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;

  constructor(name: string, intervalMs: number, work: () => Promise<void>, log: BusLog) {
    this.#timer = setInterval(() => {
      this.#running ??= work()
        .catch((err: unknown) => log.warn({ err, upkeep: name }, "upkeep failed; it is tried again"))
        .finally(() => {
          this.#running = undefined;
        });
    }, intervalMs);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}
