import { formatName, parseName } from "@millrace/names";
import {
  type AlarmEvent as AlarmEventMessage,
  type Alarm as AlarmMessage,
  type AlarmRule as AlarmRuleMessage,
  AlarmComparison as ComparisonMessage,
  MissingData as MissingDataMessage,
  AlarmState as StateMessage,
} from "@millrace/proto/control/v1/alarms";
import { etagOf } from "@millrace/rpc";
import { isMetric } from "../metrics/metric.ts";
import { type Alarm, type AlarmState, COMPARISONS, type Comparison, MISSING_DATA } from "./alarm.ts";
import type { AskedRule } from "./alarm-draft.ts";
import type { AlarmEvent } from "./alarm-event-store.ts";

// Words of the domain ↔ numbers of the messages.

const COMPARISON_MESSAGES: Readonly<Record<Comparison, ComparisonMessage>> = {
  above: ComparisonMessage.ABOVE,
  at_least: ComparisonMessage.AT_LEAST,
  below: ComparisonMessage.BELOW,
  at_most: ComparisonMessage.AT_MOST,
};
const MISSING_DATA_MESSAGES = {
  keep: MissingDataMessage.KEEP,
  no_data: MissingDataMessage.NO_DATA,
  ok: MissingDataMessage.OK,
  alarm: MissingDataMessage.ALARM,
} as const;
const STATE_MESSAGES: Readonly<Record<AlarmState, StateMessage>> = {
  ok: StateMessage.OK,
  alarm: StateMessage.ALARM,
  no_data: StateMessage.NO_DATA,
};

/** Throws `invalid_argument` for names of another form. What is not one of the words stays undefined. */
export function askedRule(rule: AlarmRuleMessage): AskedRule {
  return {
    ...rule,
    deployment: rule.deployment === "" ? undefined : parseName("deployment", rule.deployment, "rule.deployment"),
    function: rule.function === "" ? undefined : parseName("function", rule.function, "rule.function"),
    metric: isMetric(rule.metric) ? rule.metric : undefined,
    comparison: COMPARISONS.find((word) => COMPARISON_MESSAGES[word] === rule.comparison),
    missingData: MISSING_DATA.find((word) => MISSING_DATA_MESSAGES[word] === rule.missingData),
  };
}

export function toAlarmMessage(alarm: Alarm): AlarmMessage {
  const { project, id, description, state, stateSince, value, evaluatedTo } = alarm;
  return {
    name: formatName("alarm", { project, alarm: id }),
    description,
    rule: toRuleMessage(alarm),
    webhookUrl: alarm.webhookUrl ?? "",
    webhookGoneAt: alarm.webhookGoneAt,
    state: STATE_MESSAGES[state],
    stateSince,
    value,
    evaluatedTo,
    secretOverlapUntil: alarm.secretOverlapUntil,
    createdAt: alarm.createdAt,
    updatedAt: alarm.updatedAt,
    etag: etagOf(alarm.version),
  };
}

export function toEventMessage(event: AlarmEvent): AlarmEventMessage {
  const { number, at, from, to, value, calls, window, rule, delivery } = event;
  return {
    number,
    time: at,
    from: STATE_MESSAGES[from],
    to: STATE_MESSAGES[to],
    value,
    calls,
    windowStart: window.from,
    windowEnd: window.to,
    metric: rule.metric,
    comparison: COMPARISON_MESSAGES[rule.comparison],
    threshold: rule.threshold,
    delivery: delivery && {
      deliveryId: delivery.id,
      state: delivery.state,
      attempts: delivery.attempts,
      status: delivery.status,
      error: delivery.error,
      attemptedAt: delivery.attemptedAt,
      nextAttemptAt: delivery.nextAttemptAt,
    },
  };
}

function toRuleMessage({ project, target, rule }: Alarm): AlarmRuleMessage {
  const isFunction = target.kind === "function";
  return {
    deployment: isFunction ? "" : formatName("deployment", { project, ...target }),
    api: isFunction ? "" : target.api,
    function: isFunction ? formatName("function", { project, function: target.function }) : "",
    metric: rule.metric,
    comparison: COMPARISON_MESSAGES[rule.comparison],
    threshold: rule.threshold,
    windowMinutes: rule.windowMinutes,
    minCalls: rule.minCalls,
    alarmAfter: rule.alarmAfter,
    okAfter: rule.okAfter,
    missingData: MISSING_DATA_MESSAGES[rule.missingData],
  };
}
