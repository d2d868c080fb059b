import { checkId, ENVIRONMENTS, parseName } from "@millrace/names";
import {
  MetricDimension,
  MetricStep,
  type MetricTarget,
  type QueryMetricsRequest,
} from "@millrace/proto/control/v1/metrics";
import { LIMITS } from "../limits.ts";
import { Violations } from "../requests/violations.ts";
import { isMetric, METRICS, type MetricName } from "./metric.ts";
import { beginningOf, LEVEL_MS, type Level, type UsageKind } from "./usage.ts";

// What is asked of a project's numbers, checked and made whole.

/** Where the numbers come from, and how many points they make. */
export interface MetricSpan {
  step: MetricStep;
  level: Level;
  /** Missing: one point for all of the time. */
  stepMs: number | undefined;
  from: Date;
  to: Date;
  /** When it was asked: of what has not ended, so much is over. */
  askedAt: Date;
}

export interface MetricQuestion extends MetricSpan {
  project: string;
  target: MetricTarget;
  metrics: MetricName[];
  apart: readonly string[];
}

const LEVEL_OF: Partial<Record<MetricStep, Level>> = {
  [MetricStep.MINUTE]: "minutes",
  [MetricStep.HOUR]: "hours",
  [MetricStep.DAY]: "days",
};
const STEP_OF: Record<Level, MetricStep> = {
  minutes: MetricStep.MINUTE,
  hours: MetricStep.HOUR,
  days: MetricStep.DAY,
};

const DIMENSIONS: Partial<Record<MetricDimension, { of: UsageKind; column: string }>> = {
  [MetricDimension.DEPLOYMENT]: { of: "requests", column: "host_label" },
  [MetricDimension.API]: { of: "requests", column: "api" },
  [MetricDimension.KEY]: { of: "requests", column: "key_id" },
  [MetricDimension.FUNCTION]: { of: "invocations", column: "function_uid" },
  [MetricDimension.VERSION]: { of: "invocations", column: "version" },
};

const KEPT_DAYS: Record<Level, number> = {
  minutes: LIMITS.usageMinutesKeptDays,
  hours: LIMITS.usageHoursKeptDays,
  days: LIMITS.usageDaysKeptDays,
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Throws `invalid_argument` request_invalid that names every fault. */
export function readQuestion(request: QueryMetricsRequest, now: Date): MetricQuestion {
  const { project } = parseName("project", request.parent, "parent");
  const faults = new Violations();
  const target = readTarget(request.target, faults);
  const metrics = readMetrics(request.metrics, kindOf(target), faults);
  const apart = readDimensions(request.splitBy, metrics, faults);
  const span = readSpan(request, now, faults);
  faults.throwIfAny();
  return { project, target, metrics, apart, ...span };
}

function readTarget(given: MetricTarget | undefined, faults: Violations): MetricTarget {
  const target = given ?? { group: "", environment: "", api: "", keyId: "", function: "", version: 0 };
  const { group, environment, version } = target;
  const ids = { group, api: target.api, key: target.keyId, function: target.function } as const;
  for (const [kind, id] of Object.entries(ids) as [keyof typeof ids, string][]) {
    if (id !== "") checkId(kind, id, `target.${kind === "key" ? "key_id" : kind}`);
  }
  const isEnvironment = environment === "" || (ENVIRONMENTS as readonly string[]).includes(environment);
  faults.unless(isEnvironment, "target.environment", "must be test, preview or online");
  faults.unless(environment === "" || group !== "", "target.environment", "needs a group");
  faults.unless(version === 0 || target.function !== "", "target.version", "needs a function");
  faults.unless(version >= 0, "target.version", "must be the number of a version");
  const isOfRequests = group !== "" || target.api !== "" || target.keyId !== "";
  faults.unless(
    !isOfRequests || target.function === "",
    "target.function",
    "cannot be joined with what counts requests",
  );
  return target;
}

/** Undefined: the target leaves open which of them. */
function kindOf(target: MetricTarget): UsageKind | undefined {
  if (target.function !== "") return "invocations";
  return target.group !== "" || target.api !== "" || target.keyId !== "" ? "requests" : undefined;
}

function readMetrics(names: readonly string[], kind: UsageKind | undefined, faults: Violations): MetricName[] {
  const { metricsMax } = LIMITS;
  faults.unless(names.length >= 1 && names.length <= metricsMax, "metrics", `must be 1 to ${metricsMax} names`);
  const known = names.slice(0, metricsMax).filter((name, i): name is MetricName => {
    const isKnown = isMetric(name);
    faults.unless(isKnown, `metrics[${i}]`, "is none of docs/reference/project-metrics.md");
    if (isKnown && kind !== undefined) {
      faults.unless(METRICS[name].of === kind, `metrics[${i}]`, `counts ${METRICS[name].of}, the target ${kind}`);
    }
    return isKnown;
  });
  return [...new Set(known)];
}

function readDimensions(given: readonly MetricDimension[], metrics: readonly MetricName[], faults: Violations) {
  const columns = given.map((dimension, i) => {
    const known = DIMENSIONS[dimension];
    faults.unless(known !== undefined, `split_by[${i}]`, "is none that can be split by");
    const fits = metrics.every((name) => METRICS[name].of === known?.of);
    if (known) faults.unless(fits, `split_by[${i}]`, `splits ${known.of} only; ask for metrics of them`);
    return known?.column ?? "";
  });
  return [...new Set(columns)];
}

function readSpan(request: QueryMetricsRequest, now: Date, faults: Violations): MetricSpan {
  const end = request.end ?? now;
  const start = request.start ?? new Date(end.getTime() - HOUR_MS);
  const rangeMs = end.getTime() - start.getTime();
  const rangeMaxMs = LIMITS.usageDaysKeptDays * DAY_MS;
  const isRange = rangeMs > 0 && rangeMs <= rangeMaxMs && start.getTime() >= 0;
  faults.unless(isRange, "start", `must be before end, at most ${LIMITS.usageDaysKeptDays} days`);
  // The last step of the year 9999 ends when no timestamp can say it any more.
  const isNear = end.getTime() - now.getTime() <= rangeMaxMs;
  faults.unless(isNear, "end", `must be at most ${LIMITS.usageDaysKeptDays} days from now`);
  if (!isRange || !isNear)
    return { step: STEP_OF.minutes, level: "minutes", stepMs: undefined, from: start, to: end, askedAt: now };
  const given = LEVEL_OF[request.step];
  const isKept = given === undefined || now.getTime() - start.getTime() <= KEPT_DAYS[given] * DAY_MS;
  faults.unless(isKept, "step", `is kept ${KEPT_DAYS[given ?? "days"]} days: take a larger one, or a later start`);
  const level = given ?? levelFor(start, request.step === MetricStep.WHOLE ? 0 : rangeMs, now);
  const from = beginningOf(level, start);
  const to = beginningOf(level, new Date(end.getTime() + LEVEL_MS[level] - 1));
  if (request.step === MetricStep.WHOLE)
    return { step: request.step, level, stepMs: undefined, from, to, askedAt: now };
  const steps = (to.getTime() - from.getTime()) / LEVEL_MS[level];
  faults.unless(
    steps <= LIMITS.metricStepsMax,
    "step",
    `makes ${steps} steps; at most ${LIMITS.metricStepsMax}: take a larger one`,
  );
  return { step: STEP_OF[level], level, stepMs: LEVEL_MS[level], from, to, askedAt: now };
}

/** The smallest that is kept so long and makes few enough points. Who asks for the last six hours asks a moment before it is heard. */
function levelFor(start: Date, rangeMs: number, now: Date): Level {
  const agoMs = now.getTime() - start.getTime();
  if (rangeMs <= 6 * HOUR_MS + LEVEL_MS.minutes && agoMs < (KEPT_DAYS.minutes - 1) * DAY_MS) return "minutes";
  return rangeMs <= 7 * DAY_MS + LEVEL_MS.hours && agoMs < (KEPT_DAYS.hours - 1) * DAY_MS ? "hours" : "days";
}
