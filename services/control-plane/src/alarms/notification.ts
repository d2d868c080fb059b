import { formatName } from "@millrace/names";
import type { Alarm, AlarmState, Rule, Target } from "./alarm.ts";
import type { Window } from "./alarm-metric.ts";

// What a webhook is told. docs/guides/alarms.md says what each member means; members are added, never changed.

const SCHEMA_VERSION = 1;

export interface Change {
  number: number;
  from: AlarmState;
  to: AlarmState;
  at: Date;
  value: number | undefined;
  calls: number;
  window: Window;
}

type Named = Pick<Alarm, "project" | "id" | "description" | "target" | "rule">;

/** `deploymentUrl` is where the deployment is called, if the alarm is about one. */
export function changeBody(
  alarm: Named,
  change: Change,
  deliveryId: string,
  deploymentUrl: string | undefined,
): string {
  const { number, from, to, at, value, calls, window } = change;
  return JSON.stringify({
    ...headOf("alarm.changed", alarm, deliveryId),
    number,
    from,
    to,
    at: at.toISOString(),
    value: value ?? null,
    calls,
    window: { from: window.from.toISOString(), to: window.to.toISOString(), minutes: alarm.rule.windowMinutes },
    rule: ruleOf(alarm.rule),
    ...targetOf(alarm.project, alarm.target),
    links: deploymentUrl === undefined ? {} : { deployment: deploymentUrl },
  });
}

export function testBody(alarm: Named & Pick<Alarm, "state">, deliveryId: string, at: Date): string {
  return JSON.stringify({
    ...headOf("alarm.test", alarm, deliveryId),
    state: alarm.state,
    at: at.toISOString(),
    rule: ruleOf(alarm.rule),
    ...targetOf(alarm.project, alarm.target),
  });
}

function headOf(type: string, { project, id, description }: Named, deliveryId: string) {
  const alarm = formatName("alarm", { project, alarm: id });
  return { schemaVersion: SCHEMA_VERSION, type, deliveryId, alarm, description };
}

function ruleOf({ metric, comparison, threshold, minCalls, alarmAfter, okAfter, missingData }: Rule) {
  return { metric, comparison, threshold, minCalls, alarmAfter, okAfter, missingData };
}

function targetOf(project: string, target: Target) {
  if (target.kind === "function") return { function: formatName("function", { project, function: target.function }) };
  const { group, environment, api } = target;
  return { deployment: formatName("deployment", { project, group, environment }), ...(api !== "" && { api }) };
}
