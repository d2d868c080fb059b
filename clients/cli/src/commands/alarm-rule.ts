import { invalidFields } from "@millrace/errors";
import { ENVIRONMENTS } from "@millrace/names";
import { AlarmComparison, AlarmRule, MissingData } from "@millrace/proto/control/v1/alarms";
import { InvalidArgumentError, Option } from "commander";
import { integerOption } from "./options.ts";

// The rule of an alarm as options say it, and back.

const COMPARISONS = {
  above: AlarmComparison.ABOVE,
  atLeast: AlarmComparison.AT_LEAST,
  below: AlarmComparison.BELOW,
  atMost: AlarmComparison.AT_MOST,
} as const;
type Comparison = keyof typeof COMPARISONS;

const SIGNS: Readonly<Record<number, string>> = {
  [AlarmComparison.ABOVE]: ">",
  [AlarmComparison.AT_LEAST]: ">=",
  [AlarmComparison.BELOW]: "<",
  [AlarmComparison.AT_MOST]: "<=",
};

const MISSING = {
  keep: MissingData.KEEP,
  "no-data": MissingData.NO_DATA,
  ok: MissingData.OK,
  alarm: MissingData.ALARM,
} as const;

export interface RuleOptions extends Partial<Record<Comparison, number>> {
  group?: string;
  env?: string;
  api?: string;
  function?: string;
  metric?: string;
  over?: number;
  minCalls?: number;
  after?: number;
  okAfter?: number;
  missing?: keyof typeof MISSING;
}

const IN_ROW_MAX = 60;

export function ruleOptions(): Option[] {
  return [
    new Option("-g, --group <id>", "the API group that is watched, with --env"),
    new Option("-e, --env <environment>", "its environment").choices(ENVIRONMENTS),
    new Option("--api <id>", "only one of its APIs"),
    new Option("--function <id>", "the function that is watched"),
    new Option("--metric <name>", "e.g. error_rate, latency_p95; of a function invocation_error_rate, duration_p95"),
    numberOption("--above <n>", "breached by what is larger; rates are from 0 to 1"),
    numberOption("--at-least <n>", "breached by this and what is larger"),
    numberOption("--below <n>", "breached by what is smaller"),
    numberOption("--at-most <n>", "breached by this and what is smaller"),
    integerOption("--over <minutes>", "how many minutes are looked at together (default: 5)", 1, IN_ROW_MAX),
    integerOption("--min-calls <n>", "fewer calls than this are no data", 0, 1_000_000),
    integerOption("--after <n>", "breaches in a row before there is an alarm (default: 1)", 1, IN_ROW_MAX),
    integerOption("--ok-after <n>", "minutes in a row that end it (default: 1)", 1, IN_ROW_MAX),
    new Option("--missing <what>", "what a window without data means (default: keep)").choices(Object.keys(MISSING)),
  ];
}

/** The rule before with what the options say; undefined when they say nothing. */
export function readRule(project: string, options: RuleOptions, before = AlarmRule.create()): AlarmRule | undefined {
  const { group, env, api, metric, over, minCalls, after, okAfter, missing } = options;
  const compared = (Object.keys(COMPARISONS) as Comparison[]).filter((word) => options[word] !== undefined);
  if (compared.length > 1) throw fault("--above", "is one of --above, --at-least, --below and --at-most");
  if ((group === undefined) !== (env === undefined)) throw fault("--env", "and --group name a deployment together");
  const [word] = compared;
  const given: Partial<AlarmRule> = {
    ...(group !== undefined && { deployment: `${project}/groups/${group}/deployments/${env}`, function: "" }),
    ...(options.function !== undefined && { function: `${project}/functions/${options.function}` }),
    ...(options.function !== undefined && group === undefined && { deployment: "", api: "" }),
    ...(api !== undefined && { api }),
    ...(metric !== undefined && { metric }),
    ...(word !== undefined && { comparison: COMPARISONS[word], threshold: options[word]! }),
    ...(over !== undefined && { windowMinutes: over }),
    ...(minCalls !== undefined && { minCalls }),
    ...(after !== undefined && { alarmAfter: after }),
    ...(okAfter !== undefined && { okAfter }),
    ...(missing !== undefined && { missingData: MISSING[missing] }),
  };
  return Object.keys(given).length === 0 ? undefined : { ...before, ...given };
}

/** `error_rate > 0.1 over 5 min` */
export function conditionText(rule: AlarmRule | undefined): string {
  if (!rule) return "";
  const { metric, comparison, threshold, windowMinutes } = rule;
  return `${metric} ${SIGNS[comparison] ?? ""} ${threshold} over ${windowMinutes} min`;
}

/** Without the project, which the reader knows. */
export function targetText(rule: AlarmRule | undefined): string {
  const name = rule?.function || rule?.deployment || "";
  const target = name.split("/").slice(2).join("/");
  return rule?.api ? `${target} ${rule.api}` : target;
}

function numberOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isFinite(value)) return value;
    throw new InvalidArgumentError("It must be a number from 0.");
  });
}

function fault(field: string, description: string) {
  return invalidFields([{ field, description }]);
}
