import { LogEntry, LogServiceService, type TailLogsResponse } from "@millrace/proto/control/v1/logs";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import type { Answer } from "../output/answer.ts";
import { follow, type TailView } from "./follow.ts";
import { integerOption, readTime } from "./options.ts";

interface LogOptions {
  follow?: boolean;
  requestId?: string;
  since?: string;
  limit?: number;
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;

export function registerLogs(registry: Registry): void {
  registry.command<LogOptions>({
    usage: "logs [function]",
    description: "show what functions printed and how their calls ended",
    options: [
      new Option("-f, --follow", "go on with what comes; with --output json, one document a line"),
      new Option("--request-id <id>", "only of one request"),
      new Option("--since <time>", "only newer, e.g. 10m, 2h or 2026-01-31T12:00:00Z"),
      integerOption("--limit <n>", `how many of the newest (default: ${LIMIT_DEFAULT})`, 1, LIMIT_MAX),
    ],
    examples: ["millrace logs get-pet -f", "millrace logs --request-id 5f0c… --output json"],
    run: logs,
  });
}

async function logs(context: Context, [functionId = ""]: string[], options: LogOptions): Promise<Answer | undefined> {
  const { call, callServerStream, project: parent } = context;
  const after = readTime(options.since, "--since");
  const limit = options.limit ?? LIMIT_DEFAULT;
  const filter = { parent, function: functionId, requestId: options.requestId ?? "", after };
  if (options.follow) {
    const request = { ...filter, backlog: limit };
    const open = (resumeToken: string) => callServerStream(LogServiceService.tailLogs, { ...request, resumeToken });
    return follow(context, open, VIEW);
  }
  const page = { before: undefined, pageSize: limit, pageToken: "" };
  const { entries } = await call(LogServiceService.listLogs, { ...filter, ...page });
  entries.reverse();
  return { json: { entries: entries.map(LogEntry.toJSON) }, text: entries.map(logLine).join("\n") || "no entries" };
}

const VIEW: TailView<TailLogsResponse, LogEntry> = {
  itemsOf: ({ entries }) => entries,
  toJson: LogEntry.toJSON,
  toText: logLine,
};

/** Further lines of a message, such as a stack's, are indented, so that none of them passes for an entry. */
export function logLine({ time, level, function: id, version, requestId, message }: LogEntry): string {
  const text = message.trimEnd().replace(/\r?\n/g, "\n  ");
  return `${time?.toISOString() ?? ""} ${level.padEnd(8)} ${id}@${version} ${requestId} ${text}`;
}
