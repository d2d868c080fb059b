import { invalidFields } from "@millrace/errors";
import { checkId, parseName } from "@millrace/names";
import { RequestFilter as RequestFilterMessage } from "@millrace/proto/control/v1/requests";
import type { RequestFilter } from "./request.ts";

// What calls about events may ask.

/** protobuf's timestamps end with the year 9999. */
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);
const BACKLOG_MAX = 1_000;
const TEXT_CHARS_MAX = 256;
const REASON = /^[a-z_]{1,64}$/;

export function checkInstant(field: string, instant: Date | undefined): void {
  const ms = instant?.getTime() ?? 0;
  if (ms >= 0 && ms <= LATEST_MS) return;
  throw invalidFields([{ field, description: "must be a time from 1970 to 9999" }]);
}

export function checkBacklog(backlog: number): number {
  if (backlog >= 0 && backlog <= BACKLOG_MAX) return backlog;
  throw invalidFields([{ field: "backlog", description: `must be from 0 to ${BACKLOG_MAX}` }]);
}

/** Reads a filter, and what it and the parent are called in tokens. */
export function readFilter(parent: string, message: RequestFilterMessage | undefined) {
  const { project } = parseName("project", parent, "parent");
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
    pathContains: given.pathContains === "" ? undefined : checkText(given.pathContains),
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

function checkText(text: string): string {
  if (text.length <= TEXT_CHARS_MAX && !text.includes("\0")) return text;
  throw invalidFields([{ field: "filter.path_contains", description: `must be at most ${TEXT_CHARS_MAX} characters` }]);
}
