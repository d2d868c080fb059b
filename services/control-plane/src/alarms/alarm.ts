import type { Environment } from "@millrace/names";
import type { MetricName } from "../metrics/metric.ts";

// An alarm: a rule over what a target did in the last minutes, and how it stands by it.

export const COMPARISONS = ["above", "at_least", "below", "at_most"] as const;
export type Comparison = (typeof COMPARISONS)[number];

export const MISSING_DATA = ["keep", "no_data", "ok", "alarm"] as const;
export type MissingData = (typeof MISSING_DATA)[number];

export type AlarmState = "ok" | "alarm" | "no_data";

export type Target =
  | { kind: "deployment"; group: string; label: string; environment: Environment; api: string }
  | { kind: "function"; function: string; uid: string };

export interface Rule {
  metric: MetricName;
  comparison: Comparison;
  threshold: number;
  windowMinutes: number;
  minCalls: number;
  /** Evaluations in a row. */
  alarmAfter: number;
  okAfter: number;
  missingData: MissingData;
}

export interface Alarm {
  uid: string;
  project: string;
  id: string;
  description: string;
  target: Target;
  rule: Rule;
  webhookUrl: string | undefined;
  webhookGoneAt: Date | undefined;
  secretOverlapUntil: Date | undefined;
  state: AlarmState;
  stateSince: Date;
  value: number | undefined;
  evaluatedTo: Date | undefined;
  /** Rises with every change but that of its state. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
}
