import { invalidFields } from "@millrace/errors";
import {
  MetricDimension,
  type MetricSeries,
  MetricServiceService,
  MetricStep,
  MetricTarget,
  QueryMetricsResponse,
} from "@millrace/proto/control/v1/metrics";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import type { Answer } from "../output/answer.ts";
import { tableText } from "../output/table.ts";
import { listOption, readTime } from "./options.ts";

interface MetricOptions {
  metric: string[];
  since?: string;
  until?: string;
  step?: keyof typeof STEPS;
  splitBy: string[];
}

const STEPS = {
  minute: MetricStep.MINUTE,
  hour: MetricStep.HOUR,
  day: MetricStep.DAY,
  whole: MetricStep.WHOLE,
} as const;

const DIMENSIONS = {
  deployment: MetricDimension.DEPLOYMENT,
  api: MetricDimension.API,
  key: MetricDimension.KEY,
  function: MetricDimension.FUNCTION,
  version: MetricDimension.VERSION,
} as const;

const OF_REQUESTS = ["requests", "error_rate", "latency_p50", "latency_p99", "traffic"];
const OF_FUNCTIONS = ["invocations", "invocation_error_rate", "duration_p50", "duration_p99", "cold_starts"];

export function registerMetrics(registry: Registry): void {
  registry.command<MetricOptions>({
    usage: "metrics [target]",
    description: "show what a project, or a part of it, did in numbers: groups/g, apis/a, keys/k, functions/f, …",
    options: [
      listOption("-m, --metric <name>", "of docs/reference/project-metrics.md; may be given several times"),
      new Option("--since <time>", "from when, e.g. 10m, 2h or 2026-01-31T12:00:00Z (default: 1 h ago)"),
      new Option("--until <time>", "until when (default: now)"),
      new Option("--step <length>", "of time, for each line").choices(Object.keys(STEPS)),
      listOption(
        "--split-by <what>",
        `a line for each ${Object.keys(DIMENSIONS).join(", ")}; may be given several times`,
      ),
    ],
    examples: [
      "millrace metrics groups/shop/deployments/online --since 6h",
      "millrace metrics functions/get-pet -m duration_p99 -m memory_max --step hour --since 2d",
      "millrace metrics --split-by key --step whole --since 1d",
    ],
    run: metrics,
  });
}

async function metrics(context: Context, [target = ""]: string[], options: MetricOptions): Promise<Answer> {
  const { metric, since, until, step, splitBy } = options;
  const asked = readTarget(target);
  const isOfFunctions = asked.function !== "" || splitBy.includes("function") || splitBy.includes("version");
  const names = metric.length > 0 ? metric : isOfFunctions ? OF_FUNCTIONS : OF_REQUESTS;
  const response = await context.call(MetricServiceService.queryMetrics, {
    parent: context.project,
    target: asked,
    metrics: names,
    start: readTime(since, "--since"),
    end: readTime(until, "--until"),
    step: step === undefined ? MetricStep.UNSPECIFIED : STEPS[step],
    splitBy: splitBy.map(readDimension),
  });
  return { json: QueryMetricsResponse.toJSON(response), text: textOf(response, names, splitBy.length > 0) };
}

function readDimension(word: string): MetricDimension {
  if (Object.hasOwn(DIMENSIONS, word)) return DIMENSIONS[word as keyof typeof DIMENSIONS];
  throw invalidFields([{ field: "--split-by", description: `must be one of ${Object.keys(DIMENSIONS).join(", ")}` }]);
}

/** What a target may be made of, in the words of resource names. */
const PARTS: Readonly<Record<string, keyof MetricTarget>> = {
  groups: "group",
  deployments: "environment",
  apis: "api",
  keys: "keyId",
  functions: "function",
  versions: "version",
};

function readTarget(text: string): MetricTarget {
  const target = MetricTarget.fromPartial({});
  const words = text === "" ? [] : text.split("/");
  for (let at = 0; at < words.length; at += 2) {
    const part = PARTS[words[at]!];
    const id = words[at + 1];
    if (part === undefined || !id) throw unreadable();
    if (part !== "version") target[part] = id;
    else if (/^[1-9]\d{0,8}$/.test(id)) target.version = Number(id);
    else throw unreadable();
  }
  return target;
}

function unreadable() {
  const description = "must be like groups/shop/deployments/online, apis/getPet, keys/AK… or functions/pets/versions/2";
  return invalidFields([{ field: "<target>", description }]);
}

/** A line for each step of each series, a column for each metric. */
function textOf({ series, truncated }: QueryMetricsResponse, names: readonly string[], isSplit: boolean): string {
  const lines = new Map<string, { time: string; of: string[]; values: Map<string, string> }>();
  for (const one of series) {
    const of = splitOf(one);
    for (const { time, value } of one.points) {
      const at = time?.toISOString().replace(":00.000Z", "Z") ?? "";
      const key = JSON.stringify([...of, at]);
      const line = lines.get(key) ?? { time: at, of, values: new Map() };
      lines.set(key, line.values.set(one.metric, metricText(one, value)) && line);
    }
  }
  if (lines.size === 0) return "nothing was counted";
  const rows = [...lines.values()].map(({ time, of, values }) => [
    time,
    ...(isSplit ? [of.join(" ")] : []),
    ...names.map((name) => values.get(name) ?? "-"),
  ]);
  const text = tableText(["time", ...(isSplit ? ["of"] : []), ...names], rows);
  return truncated ? `${text}\nthere is more than is shown: name a narrower target` : text;
}

function splitOf({ group, environment, api, keyId, function: functionId, version }: MetricSeries): string[] {
  const deployment = [group, environment].filter((part) => part !== "").join("/");
  const ofFunction = functionId && version > 0 ? `${functionId}@${version}` : functionId;
  return [deployment, api, keyId, ofFunction].filter((part) => part !== "");
}

/** Percentiles come out of the buckets of a histogram, and say so. */
function metricText({ metric, unit }: MetricSeries, value: number): string {
  return /_p\d+$/.test(metric) ? percentileText(value) : valueText(value, unit);
}

export function percentileText(ms: number): string {
  return `~${valueText(ms, "ms")}`;
}

export function valueText(value: number, unit: string): string {
  if (unit === "ratio") return `${(value * 100).toFixed(2)} %`;
  if (unit === "ms") return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
  if (unit === "bytes") return value < 10_240 ? `${value} B` : `${(value / 1_024).toFixed(0)} KiB`;
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}
