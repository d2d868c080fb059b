import { checkStatus, describe, mayHaveBody, ResponseHeaders, ResponseInvalid } from "./response-headers.ts";
import type { ResponseHead } from "./response-sender.ts";

// What a handler may return: {statusCode, headers?, multiValueHeaders?, cookies?, body?, isBase64Encoded?}. With AWS' format 2.0
// anything else is the body of a 200.

export interface WholeResponse {
  head: ResponseHead;
  body: Uint8Array;
}

/** Throws ResponseInvalid. */
export function readHandlerResult(result: unknown, eventFormat: string): WholeResponse {
  if (isObject(result) && "statusCode" in result) return readResponse(result, eventFormat);
  if (eventFormat === "aws-2") return inferResponse(result);
  throw new ResponseInvalid(`The function must return an object with a statusCode; it returned ${describe(result)}.`);
}

function readResponse(result: Record<string, unknown>, eventFormat: string): WholeResponse {
  const status = checkStatus(result.statusCode);
  const headers = new ResponseHeaders();
  addHeaders(headers, result.headers, result.multiValueHeaders);
  addCookies(headers, result.cookies);
  const body = mayHaveBody(status) ? readBody(result) : new Uint8Array();
  if (body.length > 0 && !headers.has("content-type")) headers.add("content-type", defaultType(eventFormat));
  return { head: { status, headers: headers.flat }, body };
}

function inferResponse(result: unknown): WholeResponse {
  const text = typeof result === "string" ? result : (JSON.stringify(result) ?? "");
  return { head: { status: 200, headers: ["content-type", "application/json"] }, body: Buffer.from(text) };
}

/** Multi-value headers win over single ones of the same name, as with AWS. */
function addHeaders(target: ResponseHeaders, single: unknown, multi: unknown): void {
  const lists = new Map<string, unknown[]>();
  for (const [name, value] of entriesOf(single, "headers")) lists.set(name.toLowerCase(), [value].flat());
  for (const [name, value] of entriesOf(multi, "multiValueHeaders")) lists.set(name.toLowerCase(), [value].flat());
  for (const [name, values] of lists) {
    for (const value of values) target.add(name, headerText(name, value));
  }
}

function addCookies(target: ResponseHeaders, cookies: unknown): void {
  if (cookies === undefined || cookies === null) return;
  if (!Array.isArray(cookies))
    throw new ResponseInvalid(`cookies must be an array of strings, not ${describe(cookies)}.`);
  for (const cookie of cookies) target.add("set-cookie", headerText("set-cookie", cookie));
}

function entriesOf(map: unknown, field: string): [string, unknown][] {
  if (map === undefined || map === null) return [];
  if (!isObject(map)) throw new ResponseInvalid(`${field} must be an object, not ${describe(map)}.`);
  return Object.entries(map).filter(([, value]) => value !== undefined && value !== null);
}

function headerText(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new ResponseInvalid(`The header ${name} must be a string, a number or a boolean, not ${describe(value)}.`);
}

function readBody({ body, isBase64Encoded }: Record<string, unknown>): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array();
  if (typeof body !== "string") {
    throw new ResponseInvalid(
      `The body must be a string, not ${describe(body)}; JSON.stringify makes one of an object.`,
    );
  }
  return Buffer.from(body, isBase64Encoded === true ? "base64" : "utf8");
}

function defaultType(eventFormat: string): string {
  return eventFormat === "jd" ? "text/plain; charset=utf-8" : "application/json";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
