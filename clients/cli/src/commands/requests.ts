import { invalidFields } from "@millrace/errors";
import { ENVIRONMENTS } from "@millrace/names";
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
import { findEvents, gapsAnswer, refuseUnknown } from "./event-pages.ts";
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
  functionVersion?: number;
  runner?: string;
  cold?: boolean;
  warm?: boolean;
  attempts?: number;
  minDuration?: number;
  text?: string;
  group?: string;
  env?: string;
  method?: string;
  unrouted?: boolean;
  since?: string;
  until?: string;
  limit?: number;
}

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;
const INTEGER_MAX = 2_147_483_647;

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
      integerOption("--function-version <n>", "only those that a version of the function served", 1, INTEGER_MAX),
      new Option("--runner <id>", "only those whose last attempt was at a runner"),
      new Option("--cold", "only those that waited for an instance to load"),
      new Option("--warm", "only those that did not").conflicts("cold"),
      integerOption("--attempts <n>", "only those with so many attempts or more", 1, INTEGER_MAX),
      integerOption("--min-duration <ms>", "only those that took so long or longer", 1, INTEGER_MAX),
      new Option("--text <text>", "only those whose path, host, referer, user agent or addresses contain this"),
      new Option("--group <id>", "only those for an API group"),
      new Option("--env <environment>", "only those for an environment").choices(ENVIRONMENTS),
      new Option("--method <method>", "only those of a method, e.g. POST"),
      new Option("--unrouted", "those that no deployment answered; for operators"),
      new Option("--since <time>", "only newer, e.g. 10m, 2h or 2026-01-31T12:00:00Z"),
      new Option("--until <time>", "only older"),
      integerOption("--limit <n>", `how many of the newest (default: ${LIMIT_DEFAULT})`, 1, LIMIT_MAX),
    ],
    examples: [
      "millrace requests --status 5xx --since 1h",
      "millrace requests --function get-pet -f",
      "millrace requests --cold --min-duration 500 --since 1d",
      "millrace requests --unrouted --since 1h",
    ],
    run: requests,
  });
}

async function requests(context: Context, _: string[], options: RequestOptions): Promise<Answer | undefined> {
  const { call, callServerStream } = context;
  const { listRequests, listUnroutedRequests, tailRequests, tailUnroutedRequests } = RequestServiceService;
  const filter = filterOf(options);
  const limit = options.limit ?? LIMIT_DEFAULT;
  // Who asks for those of no project need not have one.
  const parent = options.unrouted ? "" : context.project;
  if (options.follow) {
    const tail = (resumeToken: string) => ({ filter, backlog: limit, resumeToken });
    const open = options.unrouted
      ? (token: string) => callServerStream(tailUnroutedRequests, tail(token))
      : (token: string) => callServerStream(tailRequests, { parent, ...tail(token) });
    return follow(context, open, TAIL_VIEW);
  }
  const found = await findEvents(limit, async (page) => {
    const { requests: items, ...rest } = options.unrouted
      ? await call(listUnroutedRequests, { filter, ...page })
      : await call(listRequests, { parent, filter, ...page });
    return { items, ...rest };
  });
  if (!options.unrouted) await refuseUnknown(context, filter.function, found);
  const { json, lines } = gapsAnswer(PLURAL, found);
  const answer = many(VIEW, PLURAL, found.items);
  return { json: { ...(answer.json as object), ...json }, text: [answer.text, ...lines].join("\n") };
}

const PLURAL = "requests";
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
  plural: PLURAL,
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
    functionVersion: options.functionVersion ?? 0,
    runner: options.runner ?? "",
    cold: options.cold || options.warm ? options.cold === true : undefined,
    attemptsMin: options.attempts ?? 0,
    durationMsMin: options.minDuration ?? 0,
    text: options.text ?? "",
    group: options.group ?? "",
    environment: options.env ?? "",
    method: options.method ?? "",
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
