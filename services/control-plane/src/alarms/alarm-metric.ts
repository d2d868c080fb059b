import { hostLabel } from "@millrace/names";
import type { Queryable } from "@millrace/sql";
import { METRICS, type MetricName, metricValue } from "../metrics/metric.ts";
import type { InvocationTotals, RequestTotals } from "../metrics/usage.ts";
import { type UsageTarget, usageOf } from "../metrics/usage-store.ts";
import type { Comparison, Rule, Target } from "./alarm.ts";

/** From whole minutes up to and without another. */
export interface Window {
  from: Date;
  to: Date;
}

/** What happened to the target within a window. */
export function totalsOf(sql: Queryable, target: Target, window: Window): Promise<RequestTotals | InvocationTotals> {
  return usageOf(sql, usageTarget(target), window);
}

/** What the rule looks at; undefined when the window has no data for it: too few calls, or none of which to take a part. */
export function measureOf(
  { metric, minCalls, windowMinutes }: Pick<Rule, "metric" | "minCalls" | "windowMinutes">,
  totals: RequestTotals | InvocationTotals,
): number | undefined {
  if (totals.count < minCalls) return undefined;
  return metricValue(metric, totals, windowMinutes * 60_000) ?? undefined;
}

/** Whether a target of the kind has the metric. */
export function isMetricOf(kind: Target["kind"], metric: MetricName): boolean {
  return METRICS[metric].of === (kind === "function" ? "invocations" : "requests");
}

export function isRate(metric: MetricName): boolean {
  return METRICS[metric].unit === "ratio";
}

const BREACHES: Readonly<Record<Comparison, (value: number, threshold: number) => boolean>> = {
  above: (value, threshold) => value > threshold,
  at_least: (value, threshold) => value >= threshold,
  below: (value, threshold) => value < threshold,
  at_most: (value, threshold) => value <= threshold,
};

export function breaches({ comparison, threshold }: Pick<Rule, "comparison" | "threshold">, value: number): boolean {
  return BREACHES[comparison](value, threshold);
}

function usageTarget(target: Target): UsageTarget {
  if (target.kind === "function") return { kind: "invocations", functionUids: [target.uid] };
  const { label, environment, api } = target;
  return { kind: "requests", hostLabels: [hostLabel(label, environment)], api: api === "" ? undefined : api };
}
