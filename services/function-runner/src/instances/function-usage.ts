import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { bucketOf, DURATION_BUCKETS, OTHER_SERIES } from "@millrace/telemetry";
import { USAGE_LIMITS } from "../limits.ts";
import type { InvocationOutcome } from "./invocation.ts";

/** What the invocations of one function have come to since the runner started. */
export interface UsageTotals {
  project: string;
  function: string;
  /** By `ok`, or the reason for which it failed. */
  outcomes: Map<string, number>;
  coldStarts: number;
  durationUs: number;
  /** By the buckets of libs/telemetry. */
  durations: number[];
  cpuUs: number;
  bytesIn: number;
  bytesOut: number;
  /** The most that an instance of it held at a call's end. */
  memoryKibMax: number;
}

/** Sums what invocations cost, by function. The functions beyond the bound are counted together. */
export class FunctionUsage {
  readonly #totals = new Map<string, UsageTotals>();

  get totals(): Iterable<UsageTotals> {
    return this.#totals.values();
  }

  add({ project, functionId, functionUid }: FunctionVersionRecord, outcome: InvocationOutcome): void {
    const totals = this.#totals.get(functionUid) ?? this.#open(functionUid, project, functionId);
    const { reason, cold, durationMs, done, bytesIn, bytesOut } = outcome;
    totals.outcomes.set(reason || "ok", (totals.outcomes.get(reason || "ok") ?? 0) + 1);
    totals.durationUs += Math.round(durationMs * 1_000);
    totals.durations[bucketOf(durationMs)]!++;
    totals.bytesIn += bytesIn;
    totals.bytesOut += bytesOut;
    if (cold) totals.coldStarts++;
    if (!done) return;
    totals.cpuUs += done.cpuUs;
    totals.memoryKibMax = Math.max(totals.memoryKibMax, done.memoryKib);
  }

  #open(uid: string, project: string, functionId: string): UsageTotals {
    const isOther = this.#totals.size >= USAGE_LIMITS.functionsMax;
    const key = isOther ? OTHER_SERIES : uid;
    const names = isOther ? { project: OTHER_SERIES, function: OTHER_SERIES } : { project, function: functionId };
    const totals = this.#totals.get(key) ?? {
      ...names,
      ...{ outcomes: new Map(), coldStarts: 0, durationUs: 0, cpuUs: 0, bytesIn: 0, bytesOut: 0, memoryKibMax: 0 },
      durations: new Array<number>(DURATION_BUCKETS).fill(0),
    };
    this.#totals.set(key, totals);
    return totals;
  }
}
