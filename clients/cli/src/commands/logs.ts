import { LogEntry, LogServiceService, type TailLogsResponse } from "@millrace/proto/control/v1/logs";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import type { Answer } from "../output/answer.ts";
import { findEvents, gapsAnswer, refuseUnknown } from "./event-pages.ts";
import { follow, type TailView } from "./follow.ts";
import { integerOption, listOption, readTime } from "./options.ts";

interface LogOptions {
  follow?: boolean;
  requestId?: string;
  level: string[];
  functionVersion?: number;
  runner?: string;
  text?: string;
  since?: string;
  until?: string;
  limit?: number;
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
const VERSION_MAX = 2_147_483_647;

export function registerLogs(registry: Registry): void {
  registry.command<LogOptions>({
    usage: "logs [function]",
    description: "show what functions printed and how their calls ended",
    options: [
      new Option("-f, --follow", "go on with what comes; with --output json, one document a line"),
      new Option("--request-id <id>", "only of one request"),
      listOption("--level <level>", "only of a level: debug, info, warn, error or platform; may be repeated"),
      integerOption("--function-version <n>", "only of a version of the function", 1, VERSION_MAX),
      new Option("--runner <id>", "only what a runner told"),
      new Option("--text <text>", "only entries that contain this, in any case"),
      new Option("--since <time>", "only newer, e.g. 10m, 2h or 2026-01-31T12:00:00Z"),
      new Option("--until <time>", "only older; not with --follow"),
      integerOption("--limit <n>", `how many of the newest (default: ${LIMIT_DEFAULT})`, 1, LIMIT_MAX),
    ],
    examples: [
      "millrace logs get-pet -f",
      "millrace logs --level error --text timeout --since 1d",
      "millrace logs --request-id 5f0c… --output json",
    ],
    run: logs,
  });
}

async function logs(context: Context, [functionId = ""]: string[], options: LogOptions): Promise<Answer | undefined> {
  const { call, callServerStream, project: parent } = context;
  const limit = options.limit ?? LIMIT_DEFAULT;
  const filter = {
    parent,
    function: functionId,
    requestId: options.requestId ?? "",
    levels: options.level,
    version: options.functionVersion ?? 0,
    runner: options.runner ?? "",
    text: options.text ?? "",
    after: readTime(options.since, "--since"),
  };
  if (options.follow) {
    const request = { ...filter, backlog: limit };
    const open = (resumeToken: string) => callServerStream(LogServiceService.tailLogs, { ...request, resumeToken });
    return follow(context, open, VIEW);
  }
  const before = readTime(options.until, "--until");
  const found = await findEvents(limit, async (page) => {
    const { entries, ...rest } = await call(LogServiceService.listLogs, { ...filter, before, ...page });
    return { items: entries, ...rest };
  });
  await refuseUnknown(context, functionId, found);
  const { json, lines } = gapsAnswer(PLURAL, found);
  const entries = found.items.map(logLine);
  const text = [entries.join("\n") || `no ${PLURAL}`, ...lines].join("\n");
  return { json: { entries: found.items.map(LogEntry.toJSON), ...json }, text };
}

const PLURAL = "entries";
const VIEW: TailView<TailLogsResponse, LogEntry> = {
  plural: PLURAL,
  itemsOf: ({ entries }) => entries,
  toJson: LogEntry.toJSON,
  toText: logLine,
};

/** Further lines of a message, such as a stack's, are indented, so that none of them passes for an entry. */
export function logLine({ time, level, function: id, version, requestId, message }: LogEntry): string {
  const text = message.trimEnd().replace(/\r?\n/g, "\n  ");
  return `${time?.toISOString() ?? ""} ${level.padEnd(8)} ${id}@${version} ${requestId} ${text}`;
}
