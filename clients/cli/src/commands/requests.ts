import { invalidFields } from "@millrace/errors";
import {
  type RequestFilter,
  RequestRecord,
  RequestServiceService,
  type TailRequestsResponse,
} from "@millrace/proto/control/v1/requests";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { type Answer, idOf, many, type View } from "../output/answer.ts";
import { follow, type TailView } from "./follow.ts";
import { integerOption, readTime } from "./options.ts";

interface RequestOptions {
  follow?: boolean;
  function?: string;
  api?: string;
  key?: string;
  status?: string;
  reason?: string;
  path?: string;
  since?: string;
  until?: string;
  limit?: number;
}

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;

export function registerRequests(registry: Registry): void {
  registry.command<RequestOptions>({
    usage: "requests",
    description: "show what became of requests",
    options: [
      new Option("-f, --follow", "go on with what comes; with --output json, one document a line"),
      new Option("--function <id>", "only those that a function served"),
      new Option("--api <id>", "only those of an API"),
      new Option("--key <id>", "only those that were made with a key"),
      new Option("--status <status>", "only one status, or a class of them, e.g. 404 or 5xx"),
      new Option("--reason <reason>", "only those that ended so, e.g. function_error"),
      new Option("--path <text>", "only those whose path contains this"),
      new Option("--since <time>", "only newer, e.g. 10m, 2h or 2026-01-31T12:00:00Z"),
      new Option("--until <time>", "only older"),
      integerOption("--limit <n>", `how many of the newest (default: ${LIMIT_DEFAULT})`, 1, LIMIT_MAX),
    ],
    examples: ["millrace requests --status 5xx --since 1h", "millrace requests --function get-pet -f"],
    run: requests,
  });
}

async function requests(context: Context, _: string[], options: RequestOptions): Promise<Answer | undefined> {
  const { call, callServerStream, project: parent } = context;
  const filter = filterOf(options);
  const limit = options.limit ?? LIMIT_DEFAULT;
  if (options.follow) {
    const open = (resumeToken: string) =>
      callServerStream(RequestServiceService.tailRequests, { parent, filter, backlog: limit, resumeToken });
    return follow(context, open, TAIL_VIEW);
  }
  const page = await call(RequestServiceService.listRequests, { parent, filter, pageSize: limit, pageToken: "" });
  return many(VIEW, "requests", page.requests.reverse());
}

const VIEW: View<RequestRecord> = {
  json: RequestRecord.toJSON,
  cells: {
    time: ({ time }) => time?.toISOString(),
    status: ({ status }) => status || "-",
    reason: ({ reason }) => reason,
    method: ({ method }) => method,
    path: ({ path }) => path,
    function: ({ function: id, functionVersion }) => id && `${id}@${functionVersion}`,
    ms: ({ durationMs }) => durationMs.toFixed(1),
    cold: ({ cold }) => (cold ? "cold" : ""),
    key: ({ keyId }) => keyId,
    request: ({ name }) => idOf(name),
  },
};

const TAIL_VIEW: TailView<TailRequestsResponse, RequestRecord> = {
  itemsOf: ({ requests }) => requests,
  toJson: VIEW.json,
  toText: (record) =>
    Object.values(VIEW.cells)
      .map((cell) => String(cell(record) ?? ""))
      .filter((text) => text !== "")
      .join(" "),
};

function filterOf(options: RequestOptions): RequestFilter {
  return {
    requestId: "",
    function: options.function ?? "",
    api: options.api ?? "",
    keyId: options.key ?? "",
    status: statusOf(options.status),
    reason: options.reason ?? "",
    pathContains: options.path ?? "",
    after: readTime(options.since, "--since"),
    before: readTime(options.until, "--until"),
  };
}

function statusOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const [, digits, hundreds] = /^(?:([1-5]\d\d)|([1-5])xx)$/.exec(text) ?? [];
  const status = Number(digits ?? hundreds);
  if (!Number.isNaN(status)) return status;
  throw invalidFields([{ field: "--status", description: "must be a status, as 404, or a class, as 5xx" }]);
}
