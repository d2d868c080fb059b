import type { ResourceIds } from "@millrace/names";
import { LIMITS } from "../limits.ts";
import type { MetricName } from "../metrics/metric.ts";
import { Violations } from "../requests/violations.ts";
import type { Comparison, MissingData, Rule } from "./alarm.ts";
import { isMetricOf, isRate } from "./alarm-metric.ts";

/** A rule as a client asks for it; zeros mean the defaults. */
export interface AskedRule extends Omit<Rule, "metric" | "comparison" | "missingData"> {
  deployment: ResourceIds<"deployment"> | undefined;
  api: string;
  function: ResourceIds<"function"> | undefined;
  metric: MetricName | undefined;
  comparison: Comparison | undefined;
  missingData: MissingData | undefined;
}

export interface AlarmDraft {
  description: string | undefined;
  rule: AskedRule | undefined;
  /** Empty for nowhere. */
  webhookUrl: string | undefined;
}

const API_ID = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** Throws `invalid_argument` that names every field at fault. What is undefined is not checked. */
export function checkDraft(project: string, { description, rule, webhookUrl }: AlarmDraft): void {
  const violations = new Violations();
  violations.text(description ?? "", "description", LIMITS.descriptionCharsMax);
  if (rule) checkRule(violations, project, rule);
  if (webhookUrl) checkUrl(violations, webhookUrl);
  violations.throwIfAny();
}

/** The rule with its defaults. It has been checked. */
export function settledRule(asked: AskedRule): Rule {
  return {
    metric: asked.metric!,
    comparison: asked.comparison!,
    threshold: asked.threshold,
    windowMinutes: asked.windowMinutes || LIMITS.alarm.windowMinutes.default,
    minCalls: asked.minCalls,
    alarmAfter: asked.alarmAfter || 1,
    okAfter: asked.okAfter || 1,
    missingData: asked.missingData ?? "keep",
  };
}

function checkRule(violations: Violations, project: string, rule: AskedRule): void {
  const { deployment, api, metric, threshold, minCalls } = rule;
  const named = [deployment, rule.function].filter((target) => target !== undefined);
  violations.unless(named.length === 1, "rule.deployment", "name either a deployment or, in `function`, a function");
  const isOwn = (ids: { project: string } | undefined) => ids === undefined || ids.project === project;
  violations.unless(isOwn(deployment), "rule.deployment", "must be of the alarm's project");
  violations.unless(isOwn(rule.function), "rule.function", "must be of the alarm's project");
  violations.unless(api === "" || API_ID.test(api), "rule.api", "must be an API's id");
  violations.unless(api === "" || rule.function === undefined, "rule.api", "is of a deployment, not of a function");
  checkMetric(violations, rule);
  violations.unless(rule.comparison !== undefined, "rule.comparison", "is required");
  const max = metric && isRate(metric) ? 1 : LIMITS.alarm.thresholdMax;
  violations.unless(threshold >= 0 && threshold <= max, "rule.threshold", `must be from 0 to ${max}`);
  checkWhole(violations, "rule.window_minutes", rule.windowMinutes, LIMITS.alarm.windowMinutes.max);
  checkWhole(violations, "rule.alarm_after", rule.alarmAfter, LIMITS.alarm.inRowMax);
  checkWhole(violations, "rule.ok_after", rule.okAfter, LIMITS.alarm.inRowMax);
  checkWhole(violations, "rule.min_calls", minCalls, LIMITS.alarm.callsMax);
  const isCount = metric === "requests" || metric === "invocations";
  violations.unless(minCalls === 0 || !isCount, "rule.min_calls", "makes no sense for the number of calls itself");
}

function checkMetric(violations: Violations, { metric, function: fn }: AskedRule): void {
  const kind = fn ? "function" : "deployment";
  const examples = fn ? "invocation_error_rate or duration_p95" : "error_rate or latency_p95";
  const fits = metric !== undefined && isMetricOf(kind, metric);
  violations.unless(fits, "rule.metric", `must be a ${kind}'s metric, such as ${examples}`);
}

/** 0 stands for a default, or none. */
function checkWhole(violations: Violations, field: string, value: number, max: number): void {
  violations.unless(value >= 0 && value <= max, field, `must be from 0 to ${max}`);
}

/** Whether the address may be reached is known when it is looked up, each time. */
function checkUrl(violations: Violations, text: string): void {
  const field = "webhook_url";
  violations.text(text, field, LIMITS.alarm.urlCharsMax);
  const url = URL.parse(text);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  violations.unless(isHttp, field, "must be an http or https URL");
  violations.unless(!url?.username && !url?.password, field, "must not hold a user or a password");
  violations.unless(!url?.hash, field, "must not have a fragment");
}
