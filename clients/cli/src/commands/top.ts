import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "@millrace/errors";
import {
  MetricDimension,
  type MetricSeries,
  MetricServiceService,
  MetricStep,
  type QueryMetricsResponse,
} from "@millrace/proto/control/v1/metrics";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { TOP_REFRESH_MS } from "../limits.ts";
import type { Answer } from "../output/answer.ts";
import { tableText } from "../output/table.ts";
import { percentileText, valueText } from "./metrics.ts";
import { integerOption } from "./options.ts";

interface TopOptions {
  minutes?: number;
  limit?: number;
  once?: boolean;
}

/** What is busy: an API of a deployment, or a function. */
interface Busy {
  name: string;
  callsPerSecond: number;
  calls: number;
  errorRate: number | null;
  p99Ms: number | null;
}

const MINUTES_DEFAULT = 5;
const LIMIT_DEFAULT = 15;
/** Clears what a terminal shows, but not what was there before, and begins at its top. */
const CLEAR = "\u001b[2J\u001b[H";

export function registerTop(registry: Registry): void {
  registry.command<TopOptions>({
    usage: "top",
    description: "show which APIs and functions of a project are busiest, again and again on a terminal",
    options: [
      integerOption("--minutes <n>", `counted over the last minutes (default: ${MINUTES_DEFAULT})`, 1, 60),
      integerOption("--limit <n>", `how many of each (default: ${LIMIT_DEFAULT})`, 1, 100),
      new Option("--once", "show them once, as elsewhere than on a terminal"),
    ],
    examples: ["millrace top", "millrace top --minutes 1 --once"],
    run: top,
  });
}

async function top(context: Context, _args: string[], options: TopOptions): Promise<Answer> {
  const isLive = !context.json && !options.once && context.terminal.stdout.isTTY === true;
  for (;;) {
    const answer = await shown(context, options).catch((error: unknown) => {
      if (!isLive || !mayPass(error)) throw error;
      return { json: {}, text: `${error.message}\n\nIt is asked again.` };
    });
    if (!isLive) return answer;
    context.terminal.stdout.write(`${CLEAR}${answer.text}\n`);
    await delay(TOP_REFRESH_MS);
  }
}

function mayPass(error: unknown): error is PlatformError {
  return error instanceof PlatformError && (error.code === "unavailable" || error.code === "deadline_exceeded");
}

async function shown(context: Context, { minutes = MINUTES_DEFAULT, limit = LIMIT_DEFAULT }: TopOptions) {
  const end = new Date();
  const ask = (metrics: string[], splitBy: MetricDimension[]) =>
    context.call(MetricServiceService.queryMetrics, {
      parent: context.project,
      target: undefined,
      metrics,
      start: new Date(end.getTime() - minutes * 60_000),
      end,
      step: MetricStep.WHOLE,
      splitBy,
    });
  const [ofApis, ofFunctions] = await Promise.all([
    ask(["requests", "error_rate", "latency_p99"], [MetricDimension.DEPLOYMENT, MetricDimension.API]),
    ask(["invocations", "invocation_error_rate", "duration_p99"], [MetricDimension.FUNCTION]),
  ]);
  const apis = busiestOf(ofApis, end, ({ group, environment, api }) => `${group}/${environment} ${api || "(no API)"}`);
  const functions = busiestOf(ofFunctions, end, (series) => series.function);
  const some = { apis: apis.slice(0, limit), functions: functions.slice(0, limit) };
  const text = [tableOf("API", some.apis), tableOf("function", some.functions)].join("\n\n");
  return { json: { minutes, ...some }, text: `the last ${minutes} min of ${context.project}\n\n${text}` };
}

/** The answer has the metrics of each in the order in which they were asked for, the busiest first. */
function busiestOf(
  { series, start }: QueryMetricsResponse,
  end: Date,
  nameOf: (series: MetricSeries) => string,
): Busy[] {
  const seconds = Math.max(1, (end.getTime() - (start?.getTime() ?? 0)) / 1_000);
  const byName = Map.groupBy(series, nameOf);
  return [...byName].map(([name, [calls, errors, p99]]) => ({
    name,
    callsPerSecond: Math.round(((calls?.points[0]?.value ?? 0) / seconds) * 1_000) / 1_000,
    calls: calls?.points[0]?.value ?? 0,
    errorRate: errors?.points[0]?.value ?? null,
    p99Ms: p99?.points[0]?.value ?? null,
  }));
}

function tableOf(noun: string, busy: readonly Busy[]): string {
  if (busy.length === 0) return `no ${noun} was called`;
  const rows = busy.map(({ name, callsPerSecond, calls, errorRate, p99Ms }) => [
    name,
    callsPerSecond.toFixed(2),
    String(calls),
    errorRate === null ? "-" : valueText(errorRate, "ratio"),
    p99Ms === null ? "-" : percentileText(p99Ms),
  ]);
  return tableText([noun, "calls/s", "calls", "errors", "p99"], rows);
}
