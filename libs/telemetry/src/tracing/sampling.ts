import { TRACE_LIMITS } from "./limits.ts";
import type { TraceParent } from "./trace-context.ts";

/** Why a trace is exported. */
export type Keeping = "sampled" | "failed" | "slow";

const PER_SECOND: Readonly<Record<Keeping, number>> = {
  sampled: TRACE_LIMITS.sampledPerSecond,
  failed: TRACE_LIMITS.failedPerSecond,
  slow: TRACE_LIMITS.slowPerSecond,
};

export interface SamplingDependencies {
  /** Of the traces that begin here; 0 to 1. */
  ratio: number;
  nowMs: () => number;
  random: () => number;
}

/**
 * Which requests are traced. Sampled is decided when they come: by the caller's word, which a bound a second keeps from being an order, or
 * by chance. Kept is decided when they are over: what was sampled, and what turned out to be worth it.
 */
export class Sampling {
  readonly #deps: SamplingDependencies;
  #windowEndsAtMs = 0;
  #called = 0;
  readonly #kept: Record<Keeping, number> = { sampled: 0, failed: 0, slow: 0 };

  constructor(deps: SamplingDependencies) {
    this.#deps = deps;
  }

  samples(parent: Pick<TraceParent, "sampled"> | null): boolean {
    if (parent === null) return this.#deps.random() < this.#deps.ratio;
    if (!parent.sampled) return false;
    this.#turnWindow();
    return ++this.#called <= TRACE_LIMITS.calledSampledPerSecond;
  }

  /** Whether the trace of what is over is exported. To be asked once. */
  keeps(sampled: boolean, failed: boolean, durationMs: number): boolean {
    if (sampled) return this.#admits("sampled");
    if (failed) return this.#admits("failed");
    return durationMs >= TRACE_LIMITS.slowMs && this.#admits("slow");
  }

  #admits(why: Keeping): boolean {
    this.#turnWindow();
    return ++this.#kept[why] <= PER_SECOND[why];
  }

  #turnWindow(): void {
    const nowMs = this.#deps.nowMs();
    if (nowMs < this.#windowEndsAtMs) return;
    this.#windowEndsAtMs = nowMs + 1_000;
    this.#called = 0;
    Object.assign(this.#kept, { sampled: 0, failed: 0, slow: 0 });
  }
}
