import { type BusLog, listen, SUBJECTS } from "@millrace/bus";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import type { Subscription } from "@nats-io/nats-core";
import type { BusWorker, OpenBus } from "../bus/bus-link.ts";
import { LIMITS } from "../limits.ts";

export interface RunnerSeen {
  id: string;
  isolationTier: string;
  slots: number;
  slotsBusy: number;
  draining: boolean;
  lastBeatAt: Date;
}

/** Listens to the runners' beats and remembers the newest of each. */
export class RunnerBeats implements BusWorker {
  readonly #clock: () => Date;
  readonly #log: BusLog;
  readonly #seen = new Map<string, RunnerSeen>();
  #subscription: Subscription | undefined;

  constructor(deps: { clock: () => Date; log: BusLog }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  async start({ connection }: OpenBus): Promise<void> {
    this.#subscription ??= listen(connection, SUBJECTS.beat("*"), (beat, id) => this.#hear(id, beat));
  }

  async close(): Promise<void> {
    this.#subscription?.unsubscribe();
  }

  /** Those that have beaten within the last seconds, by id. */
  list(): RunnerSeen[] {
    const oldestMs = this.#clock().getTime() - LIMITS.beatLifetimeMs;
    for (const [id, { lastBeatAt }] of this.#seen) if (lastBeatAt.getTime() < oldestMs) this.#seen.delete(id);
    return [...this.#seen.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** `id` is that of the subject, which NATS lets only this runner publish on. */
  #hear(id: string, data: Uint8Array): void {
    try {
      const { isolationTier, slots, slotsBusy, draining } = Beat.decode(data);
      if (!this.#seen.has(id) && this.#seen.size >= LIMITS.runnersMax) this.list();
      if (!this.#seen.has(id) && this.#seen.size >= LIMITS.runnersMax) return;
      this.#seen.set(id, { id, isolationTier, slots, slotsBusy, draining, lastBeatAt: this.#clock() });
    } catch (err) {
      this.#log.warn({ err }, "a beat cannot be read");
    }
  }
}
