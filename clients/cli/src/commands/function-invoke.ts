import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import {
  EventKind,
  FunctionTestServiceService,
  InvokeFunctionResponse,
} from "@millrace/proto/control/v1/function_tests";
import { Option } from "commander";
import type { Noun } from "../command-line.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { INVOKE_TIMEOUT_MS } from "../limits.ts";
import type { Answer } from "../output/answer.ts";
import { existingPath } from "../terminal.ts";

export const EVENT_KINDS = {
  jd: EventKind.JD,
  "aws-1": EventKind.AWS_1,
  "aws-2": EventKind.AWS_2,
  request: EventKind.REQUEST,
};
export type EventKindWord = keyof typeof EVENT_KINDS;

interface InvokeOptions {
  qualifier?: string;
  event?: string;
  data?: string;
  kind: EventKindWord;
}

export function registerInvoke(functions: Noun): void {
  functions.command<InvokeOptions>({
    usage: "invoke <id>",
    description: "call a function without a release, and see all that became of it",
    options: [
      new Option("--qualifier <version>", "a version, an alias or LATEST (default), the draft"),
      new Option("--event <id>", "a stored test event (see: function event)"),
      new Option("-d, --data <json>", "an event; @file reads a file, - standard input").conflicts("event"),
      kindOption().default("jd"),
    ],
    examples: [
      "millrace function invoke hello",
      'millrace function invoke hello --kind request -d \'{"path": "/?name=Ada"}\'',
      "millrace function invoke hello --qualifier live --event order",
    ],
    async run(context, [id], options) {
      const { qualifier = "" } = options;
      const name = `${context.project}/functions/${id}`;
      const request = { name, qualifier, event: await eventOf(context, options) };
      const { invokeFunction } = FunctionTestServiceService;
      return answerOf(await context.call(invokeFunction, request, { timeoutMs: INVOKE_TIMEOUT_MS }));
    },
  });
}

export function kindOption(): Option {
  return new Option("--kind <kind>", "what the event is").choices(Object.keys(EVENT_KINDS));
}

/** Text that an option gives: as it is, of a file, or of standard input. */
export async function readData({ terminal }: Context, data: string): Promise<string> {
  if (data === "-") return text(terminal.stdin);
  if (data.startsWith("@")) return readFileSync(existingPath(resolve(terminal.cwd, data.slice(1)), "--data"), "utf8");
  return data;
}

async function eventOf(context: Context, { event, data, kind }: InvokeOptions) {
  if (event !== undefined) return { $case: "testEvent", value: event } as const;
  if (data === undefined) return undefined;
  return { $case: "given", value: { kind: EVENT_KINDS[kind], body: await readData(context, data) } } as const;
}

/** The log, what it cost, and the result at the end; a function that failed is a failure of the command. */
function answerOf(response: InvokeFunctionResponse): Answer {
  const { reason, error, status, headers, lines, linesDropped } = response;
  const result = Buffer.from(response.result).toString("utf8");
  const failed = reason !== "" || status >= 400;
  const shown = [
    ...lines.map(({ level, message }) => `${level.padEnd(8)} ${message}`),
    ...(linesDropped > 0 ? [`${linesDropped} lines were dropped`] : []),
    costOf(response),
    ...(reason === "" ? [] : [`failed: ${reason}`]),
    ...(reason !== "" && error !== "" && lines.every(({ message }) => message !== error) ? [error] : []),
    ...(status === 0 ? [] : [`status ${status}`, ...headers.map(({ name, value }) => `${name}: ${value}`)]),
    ...(result === "" ? [] : [result + (response.resultTruncated ? " …" : "")]),
  ];
  const json = { ...(InvokeFunctionResponse.toJSON(response) as object), result };
  return { json, text: shown.join("\n"), exitCode: failed ? EXIT.failed : EXIT.ok };
}

function costOf({
  version,
  cold,
  durationMs,
  waitMs,
  cpuUs,
  memoryKib,
  memoryLimitMib,
}: InvokeFunctionResponse): string {
  const parts = [
    version === 0 ? "LATEST" : `version ${version}`,
    cold ? `cold (${Math.round(waitMs)} ms)` : "warm",
    `${durationMs.toFixed(1)} ms`,
    ...(cpuUs === undefined ? [] : [`cpu ${(cpuUs / 1_000).toFixed(1)} ms`]),
    ...(memoryKib === undefined ? [] : [`memory ${Math.ceil(memoryKib / 1_024)} of ${memoryLimitMib} MiB`]),
  ];
  return parts.join(", ");
}
