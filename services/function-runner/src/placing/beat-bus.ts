import { randomUUID } from "node:crypto";
import { SUBJECTS } from "@millrace/bus";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import { type BeatFacts, Beats } from "./beats.ts";

export interface BeatOptions {
  runnerId: string;
  isolationTier: string;
  facts(): BeatFacts;
  publish(subject: string, bytes: Uint8Array): void;
  /** Called with each beat. */
  onBeat(nowMs: number): void;
}

/** Gives the beats a clock, a timer and the bus. */
export class BeatBus {
  readonly #beats: Beats;
  #timer: NodeJS.Timeout | undefined;

  constructor({ runnerId, isolationTier, facts, publish, onBeat }: BeatOptions) {
    const identity = { runnerId, isolationTier, epoch: `${Date.now().toString(36)}-${randomUUID()}` };
    this.#beats = new Beats(identity, {
      facts,
      publish: (beat) => {
        onBeat(performance.now());
        publish(SUBJECTS.beat(runnerId), Beat.encode(beat).finish());
      },
      wakeAt: (atMs) => {
        clearTimeout(this.#timer);
        // Timers may fire a moment early.
        this.#timer = setTimeout(
          () => this.#beats.wake(Math.max(atMs, performance.now())),
          Math.max(0, atMs - performance.now()),
        );
      },
    });
  }

  start(): void {
    this.flush();
  }

  changed(): void {
    this.#beats.changed(performance.now());
  }

  setWarm(key: string, warm: boolean): void {
    this.#beats.setWarm(key, warm, performance.now());
  }

  flush(): void {
    this.#beats.flush(performance.now());
  }

  /** Says goodbye, and nothing after it. */
  close(): void {
    clearTimeout(this.#timer);
    this.#beats.goodbye(performance.now());
  }
}
