import { PlatformError } from "@millrace/errors";
import type { EventFormat } from "../apis/api.ts";
import { LIMITS } from "../limits.ts";
import { Violations } from "../requests/violations.ts";

// What a function is tried with: an event as it is, or an HTTP request of which the event is made.

export type EventKind = EventFormat | "request";

export interface GivenEvent {
  kind: EventKind;
  /** JSON */
  body: string;
}

export interface TestEvent extends GivenEvent {
  functionUid: string;
  id: string;
  /** Rises with every change. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

/** An HTTP request as an event of the kind `request` describes it. */
export interface TriedRequest {
  method: string;
  /** With the query. */
  path: string;
  pathParameters: Readonly<Record<string, string>>;
  /** By name in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  eventFormat: EventFormat;
}

const METHOD = /^[A-Z]{1,16}$/;
const PATH = /^\/[\x21-\x7e]*$/;
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const MEMBERS = new Set(["method", "path", "headers", "pathParameters", "body", "isBase64Encoded", "eventFormat"]);
const FORMATS: readonly unknown[] = ["jd", "aws-1", "aws-2"] satisfies EventFormat[];

/** Throws `invalid_argument` naming every failing field below `field`. */
export function checkEvent({ kind, body }: GivenEvent, field: string): void {
  const violations = new Violations();
  const { testEventBytesMax } = LIMITS;
  violations.unless(
    Buffer.byteLength(body) <= testEventBytesMax,
    field,
    `must have at most ${testEventBytesMax} bytes`,
  );
  violations.throwIfAny();
  const json = parse(body);
  violations.unless(json !== undefined && !body.includes("\\u0000"), field, "must be JSON without NUL");
  if (json !== undefined && kind === "request") checkRequest(violations, json, field);
  violations.throwIfAny();
}

/** The request of an event of the kind `request`, which was checked. */
export function triedRequest(body: string): TriedRequest {
  const given = JSON.parse(body) as Partial<TriedRequest> & { isBase64Encoded?: boolean };
  const { method = "GET", path = "/", pathParameters = {}, headers = {}, eventFormat = "jd" } = given;
  const text = (given.body as string | undefined) ?? "";
  return {
    method,
    path,
    pathParameters,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    body: Buffer.from(text, given.isBase64Encoded ? "base64" : "utf8"),
    eventFormat,
  };
}

/** A `fetch` function is given requests; nothing else makes one. */
export function eventUnfit(id: string): PlatformError {
  return new PlatformError(
    "failed_precondition",
    `Function ${id} exports fetch, which is called with a request: use an event of the kind request.`,
    { reason: "event_unfit" },
  );
}

function checkRequest(violations: Violations, json: unknown, field: string): void {
  violations.unless(isObject(json), field, "must be an object that describes a request");
  if (!isObject(json)) return;
  for (const member of Object.keys(json)) {
    violations.unless(MEMBERS.has(member), `${field}.${member.slice(0, 64)}`, "is no member of a request");
  }
  const { method = "GET", path = "/", headers = {}, pathParameters = {}, body = "", isBase64Encoded = false } = json;
  const { eventFormat = "jd" } = json;
  violations.unless(matches(method, METHOD), `${field}.method`, "must be a method such as GET");
  violations.unless(matches(path, PATH), `${field}.path`, "must begin with / and hold printable ASCII without spaces");
  violations.unless(areTexts(headers, HEADER_NAME, HEADER_VALUE), `${field}.headers`, "must be names with values");
  violations.unless(
    areTexts(pathParameters, /^.{1,128}$/s, /^/),
    `${field}.pathParameters`,
    "must be names with values",
  );
  violations.unless(typeof body === "string", `${field}.body`, "must be a string");
  violations.unless(typeof isBase64Encoded === "boolean", `${field}.isBase64Encoded`, "must be true or false");
  violations.unless(FORMATS.includes(eventFormat), `${field}.eventFormat`, "must be jd, aws-1 or aws-2");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

function areTexts(map: unknown, name: RegExp, value: RegExp): boolean {
  return isObject(map) && Object.entries(map).every(([key, text]) => name.test(key) && matches(text, value));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
