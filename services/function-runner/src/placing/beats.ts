import type { Beat } from "@millrace/proto/invocation/v1/invocation";
import { PLACING_LIMITS } from "../limits.ts";

export interface BeatFacts {
  slots: number;
  slotsBusy: number;
  draining: boolean;
}

export interface BeatsHost {
  facts(): BeatFacts;
  publish(beat: Beat): void;
  /** `wake` is to be called then; a later word replaces an earlier one. */
  wakeAt(atMs: number): void;
}

export interface BeatsOptions {
  runnerId: string;
  /** Of this process, unlike that of any other, and sorted after those of the processes before it. */
  epoch: string;
  isolationTier: string;
}

/**
 * When this runner tells the gateways what it has, and what it tells: soon after a change, and once a second anyway. Its clock, its
 * timer and the bus are its host's.
 */
export class Beats {
  readonly #options: BeatsOptions;
  readonly #host: BeatsHost;
  readonly #warm = new Set<string>();
  readonly #warmed = new Set<string>();
  readonly #cooled = new Set<string>();
  #sequence = 0;
  #sentAtMs = -Infinity;
  #fullAtMs = -Infinity;
  #dueAtMs = Infinity;
  #over = false;

  constructor(options: BeatsOptions, host: BeatsHost) {
    this.#options = options;
    this.#host = host;
  }

  /** Something that a beat tells is another: the next one comes early. */
  changed(nowMs: number): void {
    this.#schedule(Math.max(nowMs, this.#sentAtMs + PLACING_LIMITS.beatIntervalMs));
  }

  setWarm(key: string, warm: boolean, nowMs: number): void {
    if (warm) this.#warm.add(key);
    else this.#warm.delete(key);
    (warm ? this.#warmed : this.#cooled).add(key);
    (warm ? this.#cooled : this.#warmed).delete(key);
    this.changed(nowMs);
  }

  /** The time that `wakeAt` asked for has come. */
  wake(nowMs: number): void {
    if (nowMs >= this.#dueAtMs) this.flush(nowMs);
  }

  /** Sends a beat now. */
  flush(nowMs: number): void {
    if (this.#over) return;
    this.#send(nowMs, this.#host.facts());
    this.#dueAtMs = Infinity;
    this.#schedule(nowMs + PLACING_LIMITS.beatSilenceMaxMs);
  }

  /** The last beat: no slots, and none to come. Gateways need not wait to find that the process is gone. */
  goodbye(nowMs: number): void {
    if (this.#over || this.#sequence === 0) return;
    this.#send(nowMs, { slots: 0, slotsBusy: 0, draining: true });
    this.#over = true;
  }

  #schedule(atMs: number): void {
    if (atMs >= this.#dueAtMs || this.#over) return;
    this.#dueAtMs = atMs;
    this.#host.wakeAt(atMs);
  }

  #send(nowMs: number, facts: BeatFacts): void {
    const full = nowMs - this.#fullAtMs >= PLACING_LIMITS.beatFullMs;
    this.#host.publish({
      ...this.#options,
      ...facts,
      sequence: ++this.#sequence,
      full,
      warm: [...(full ? this.#warm : this.#warmed)],
      cooled: full ? [] : [...this.#cooled],
    });
    this.#warmed.clear();
    this.#cooled.clear();
    if (full) this.#fullAtMs = nowMs;
    this.#sentAtMs = nowMs;
  }
}
