import { setTimeout as delay } from "node:timers/promises";
import { invalidFields } from "@millrace/errors";
import { LogEntry, LogServiceService } from "@millrace/proto/control/v1/logs";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { LOG_OVERLAP_MS, LOG_POLL_MS } from "../limits.ts";
import type { Answer } from "../output/answer.ts";
import { printableLines } from "../output/table.ts";
import { integerOption } from "./options.ts";

interface LogOptions {
  follow?: boolean;
  requestId?: string;
  since?: string;
  limit?: number;
}

const LIMIT_DEFAULT = 100;
const PAGE_SIZE = 1_000;
const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function registerLogs(registry: Registry): void {
  registry.command<LogOptions>({
    usage: "logs [function]",
    description: "show what functions printed and how their calls ended",
    options: [
      new Option("-f, --follow", "go on with what comes; with --output json, one document a line"),
      new Option("--request-id <id>", "only of one request"),
      new Option("--since <time>", "only newer, e.g. 10m, 2h or 2026-01-31T12:00:00Z"),
      integerOption("--limit <n>", `how many of the newest (default: ${LIMIT_DEFAULT})`, 1, PAGE_SIZE),
    ],
    examples: ["millrace logs get-pet -f", "millrace logs --request-id 5f0c… --output json"],
    run: logs,
  });
}

async function logs(context: Context, [functionId = ""]: string[], options: LogOptions): Promise<Answer | undefined> {
  const after = options.since === undefined ? undefined : readTime(options.since);
  const query = { functionId, requestId: options.requestId ?? "", limit: options.limit ?? LIMIT_DEFAULT };
  const entries = await read(context, { ...query, after });
  if (options.follow) return follow(context, { ...query, limit: PAGE_SIZE }, entries);
  return { json: { entries: entries.map(LogEntry.toJSON) }, text: entries.map(line).join("\n") || "no entries" };
}

interface Query {
  functionId: string;
  requestId: string;
  limit: number;
  after?: Date | undefined;
}

/** Oldest first. */
async function read({ call, project }: Context, { functionId, requestId, limit, after }: Query): Promise<LogEntry[]> {
  const { entries } = await call(LogServiceService.listLogs, {
    parent: project,
    function: functionId,
    requestId,
    after,
    before: undefined,
    pageSize: limit,
    pageToken: "",
  });
  return entries.reverse();
}

/** Entries may arrive late and share an instant, so each poll looks back a little and leaves out what was shown. */
async function follow(context: Context, query: Query, first: readonly LogEntry[]): Promise<never> {
  let shown = new Set<string>();
  let entries = first;
  for (;;) {
    const fresh = new Set<string>();
    for (const entry of entries) {
      const key = JSON.stringify(LogEntry.toJSON(entry));
      fresh.add(key);
      if (!shown.has(key)) context.terminal.stdout.write(`${context.json ? key : line(entry)}\n`);
    }
    if (entries.length > 0) shown = fresh;
    const newest = entries.at(-1)?.time?.getTime() ?? query.after?.getTime() ?? Date.now();
    await delay(LOG_POLL_MS);
    query.after = new Date(newest - LOG_OVERLAP_MS);
    entries = await read(context, query);
  }
}

/** Further lines of a message, such as a stack's, are indented, so that none of them passes for an entry. */
function line({ time, level, function: id, version, requestId, message }: LogEntry): string {
  const text = message.trimEnd().replace(/\r?\n/g, "\n  ");
  return printableLines(`${time?.toISOString() ?? ""} ${level.padEnd(8)} ${id}@${version} ${requestId} ${text}`);
}

function readTime(text: string): Date {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const time = unit === undefined ? Date.parse(text) : Date.now() - Number(count) * UNITS_MS[unit]!;
  if (Number.isNaN(time)) throw invalidFields([{ field: "--since", description: "must be like 10m, 2h, or a time" }]);
  return new Date(time);
}
