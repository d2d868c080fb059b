import type { PlatformError } from "@millrace/errors";
import type { Telemetry } from "./telemetry.ts";
import { bucketOf, DURATION_BUCKETS } from "./usage/duration-buckets.ts";

/** A call of an RPC that is over. */
interface EndedCall {
  /** `/package.Service/Method` */
  method: string;
  isStream: boolean;
  /** On performance.now()'s clock. */
  startedAtMs: number;
  endedAtMs: number;
  error: PlatformError | undefined;
}

interface MethodTotals {
  method: string;
  codes: Map<string, number>;
  durations: number[];
  durationUs: number;
}

/** Counts calls by method and code, and their durations; tells `also` of each. A server knows its methods, so that there are few. */
export function measureCalls<Call extends EndedCall>(
  { meter, addHistogram }: Pick<Telemetry, "meter" | "addHistogram">,
  also?: (call: Call) => void,
): (call: Call) => void {
  const byMethod = new Map<string, MethodTotals>();
  meter
    .createObservableCounter("rpc_calls_total", { description: "Calls by method and code" })
    .addCallback((result) => {
      for (const { method, codes } of byMethod.values()) {
        for (const [code, count] of codes) result.observe(count, { method, code });
      }
    });
  addHistogram({
    name: "rpc_call_duration_seconds",
    description: "From a call's beginning to its end; streams are left out",
    read: () => [...byMethod.values()].map((totals) => ({ ...totals, labels: { method: totals.method } })),
  });
  return (call) => {
    also?.(call);
    const { method, isStream, error } = call;
    const known = byMethod.get(method);
    const totals = known ?? { method: method.slice(1), codes: new Map(), durations: noDurations(), durationUs: 0 };
    if (!known) byMethod.set(method, totals);
    const code = error?.code ?? "ok";
    totals.codes.set(code, (totals.codes.get(code) ?? 0) + 1);
    if (isStream) return;
    const durationMs = call.endedAtMs - call.startedAtMs;
    totals.durations[bucketOf(durationMs)]!++;
    totals.durationUs += Math.round(durationMs * 1_000);
  };
}

function noDurations(): number[] {
  return new Array<number>(DURATION_BUCKETS).fill(0);
}
