import { randomUUID } from "node:crypto";
import { SUBJECTS } from "@millrace/bus";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import { PLACING_LIMITS } from "../limits.ts";

export interface BeatFacts {
  slots: number;
  slotsBusy: number;
  draining: boolean;
}

export interface BeatOptions {
  runnerId: string;
  isolationTier: string;
  facts(): BeatFacts;
  publish(subject: string, bytes: Uint8Array): void;
}

/** Tells the gateways what this runner has: soon after a change, and once a second anyway. */
export class Beats {
  readonly #options: BeatOptions;
  readonly #epoch = randomUUID();
  readonly #warm = new Set<string>();
  readonly #warmed = new Set<string>();
  readonly #cooled = new Set<string>();
  #sequence = 0;
  #sentAt = -Infinity;
  #fullAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Infinity;

  constructor(options: BeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.#send();
  }

  /** Something that a beat tells is another: the next one comes early. */
  changed(): void {
    this.#schedule(Math.max(performance.now(), this.#sentAt + PLACING_LIMITS.beatIntervalMs));
  }

  setWarm(key: string, warm: boolean): void {
    if (warm) this.#warm.add(key);
    else this.#warm.delete(key);
    (warm ? this.#warmed : this.#cooled).add(key);
    (warm ? this.#cooled : this.#warmed).delete(key);
    this.changed();
  }

  /** Sends a beat now. */
  flush(): void {
    this.#send();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#sentAt = Infinity;
    this.#dueAt = -Infinity;
  }

  #schedule(at: number): void {
    if (at >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = at;
    this.#timer = setTimeout(() => this.#send(), Math.max(0, at - performance.now()));
  }

  #send(): void {
    const now = performance.now();
    const full = now - this.#fullAt >= PLACING_LIMITS.beatFullMs;
    const { runnerId, isolationTier, publish, facts } = this.#options;
    const beat: Beat = {
      runnerId,
      sequence: ++this.#sequence,
      epoch: this.#epoch,
      ...facts(),
      isolationTier,
      full,
      warm: [...(full ? this.#warm : this.#warmed)],
      cooled: full ? [] : [...this.#cooled],
    };
    publish(SUBJECTS.beat(runnerId), Beat.encode(beat).finish());
    this.#warmed.clear();
    this.#cooled.clear();
    if (full) this.#fullAt = now;
    this.#sentAt = now;
    this.#dueAt = Infinity;
    this.#schedule(now + PLACING_LIMITS.beatSilenceMaxMs);
  }
}
