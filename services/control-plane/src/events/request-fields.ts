import { invalidFields } from "@millrace/errors";
import { checkId, ENVIRONMENTS } from "@millrace/names";
import { RequestFilter as RequestFilterMessage } from "@millrace/proto/control/v1/requests";
import type { RequestFilter } from "./request.ts";

// What calls about events may ask.

/** protobuf's timestamps end with the year 9999. */
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);
const BACKLOG_MAX = 1_000;
const TEXT_CHARS_MAX = 256;
const REASON = /^[a-z_]{1,64}$/;
const METHOD = /^[A-Z]{1,20}$/;
const SOURCE = /^[A-Za-z0-9_-]{1,64}$/;

export function checkInstant(field: string, instant: Date | undefined): void {
  const ms = instant?.getTime() ?? 0;
  if (ms >= 0 && ms <= LATEST_MS) return;
  throw invalidFields([{ field, description: "must be a time from 1970 to 9999" }]);
}

export function checkBacklog(backlog: number): number {
  if (backlog >= 0 && backlog <= BACKLOG_MAX) return backlog;
  throw invalidFields([{ field: "backlog", description: `must be from 0 to ${BACKLOG_MAX}` }]);
}

/** Reads a filter of a project's requests, or of those of none, and what both are called in tokens. */
export function readFilter(project: string, message: RequestFilterMessage | undefined) {
  const given = message ?? RequestFilterMessage.fromPartial({});
  checkInstant("filter.after", given.after);
  checkInstant("filter.before", given.before);
  const filter: RequestFilter = {
    project,
    requestId: given.requestId === "" ? undefined : checkId("request", given.requestId, "filter.request_id"),
    function: given.function === "" ? undefined : checkId("function", given.function, "filter.function"),
    api: given.api === "" ? undefined : checkId("api", given.api, "filter.api"),
    keyId: given.keyId === "" ? undefined : checkId("key", given.keyId, "filter.key_id"),
    status: given.status === 0 ? undefined : checkStatus(given.status),
    reason: given.reason === "" ? undefined : checkReason(given.reason),
    pathContains: checkText("filter.path_contains", given.pathContains),
    functionVersion: checkCount("filter.function_version", given.functionVersion),
    runner: checkSource("filter.runner", given.runner),
    cold: given.cold,
    attemptsMin: checkCount("filter.attempts_min", given.attemptsMin),
    durationMsMin: checkCount("filter.duration_ms_min", given.durationMsMin),
    text: checkText("filter.text", given.text),
    group: given.group === "" ? undefined : checkId("group", given.group, "filter.group"),
    environment: given.environment === "" ? undefined : checkEnvironment(given.environment),
    method: given.method === "" ? undefined : checkMethod(given.method),
    after: given.after,
    before: given.before,
  };
  const { after: _after, before: _before, ...named } = filter;
  return { filter, scope: JSON.stringify(named) };
}

function checkStatus(status: number): number {
  if ((status >= 1 && status <= 5) || (status >= 100 && status <= 599)) return status;
  throw invalidFields([{ field: "filter.status", description: "must be from 100 to 599, or from 1 to 5 for a class" }]);
}

function checkReason(reason: string): string {
  if (REASON.test(reason)) return reason;
  throw invalidFields([{ field: "filter.reason", description: "must be a reason, such as function_error" }]);
}

function checkEnvironment(environment: string): string {
  if ((ENVIRONMENTS as readonly string[]).includes(environment)) return environment;
  throw invalidFields([{ field: "filter.environment", description: `must be one of ${ENVIRONMENTS.join(", ")}` }]);
}

function checkMethod(method: string): string {
  if (METHOD.test(method)) return method;
  throw invalidFields([{ field: "filter.method", description: "must be a method, such as GET" }]);
}

/** Empty asks for nothing. */
export function checkText(field: string, text: string): string | undefined {
  if (text.length <= TEXT_CHARS_MAX && !text.includes("\0")) return text || undefined;
  throw invalidFields([{ field, description: `must be at most ${TEXT_CHARS_MAX} characters, without NUL` }]);
}

/** Id of a runner; empty asks for nothing. */
export function checkSource(field: string, id: string): string | undefined {
  if (id === "" || SOURCE.test(id)) return id || undefined;
  throw invalidFields([{ field, description: "must be the id of a runner" }]);
}

/** 0 asks for nothing. */
export function checkCount(field: string, count: number): number | undefined {
  if (count >= 0) return count || undefined;
  throw invalidFields([{ field, description: "must not be negative" }]);
}
