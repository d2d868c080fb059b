import { basename } from "node:path";
import { YamlReader, type YamlValue } from "./yaml-reader.ts";

// Backends and routing rules as millrace.yaml, and files of rules, write them.

export const EVENT_FORMATS = ["jd", "aws-1", "aws-2"] as const;
export type EventFormatWord = (typeof EVENT_FORMATS)[number];

export type ManifestBackend =
  | { kind: "function"; function: string; qualifier: string; eventFormat: EventFormatWord }
  | { kind: "mock"; status: number; headers: Record<string, string>; body: string }
  | {
      kind: "http";
      url: string;
      timeoutMs: number;
      retries: number | undefined;
      forwardHost: boolean;
      signingKey: string;
    };

export interface ManifestRule {
  name: string;
  headers: Record<string, string>;
  query: Record<string, string>;
  backend: ManifestBackend;
}

/** The rules of a file. Throws `request_invalid` whose violations are `file:line:column`. */
export function parseRules(file: string, text: string): ManifestRule[] {
  const reader = new YamlReader(basename(file), text);
  const rules = readRules(reader.root());
  reader.finish();
  return rules;
}

export function readRules(value: YamlValue): ManifestRule[] {
  return value.items().flatMap((item) => {
    const { name, headers, query, backend } = item.object(["name", "headers", "query", "backend"]);
    const read = readBackend(backend);
    if (backend.absent) backend.fault("is required");
    const rule = { name: name.required(), headers: texts(headers), query: texts(query) };
    return read ? [{ ...rule, backend: read }] : [];
  });
}

export function readBackend(value: YamlValue): ManifestBackend | undefined {
  if (value.absent) return undefined;
  if (!value.isObject) return value.fault("must be an object such as { function: hello } or { mock: { status: 204 } }");
  const read = value.object(["function", "qualifier", "eventFormat", "http", "mock"]);
  if ([read.function, read.http, read.mock].filter(({ absent }) => !absent).length !== 1)
    return value.fault("must have one of function, http and mock");
  if (!read.http.absent) return readHttp(read.http);
  if (!read.mock.absent) {
    const mock = read.mock.object(["status", "headers", "body"]);
    const status = mock.status.integer(200, 599) ?? 200;
    return { kind: "mock", status, headers: texts(mock.headers), body: mock.body.string() ?? "" };
  }
  return {
    kind: "function",
    function: read.function.required(),
    qualifier: read.qualifier.string() ?? "",
    eventFormat: read.eventFormat.oneOf(EVENT_FORMATS) ?? "jd",
  };
}

const HTTP_KEYS = ["url", "timeoutMs", "retries", "forwardHost", "signingKey"] as const;

function readHttp(value: YamlValue): ManifestBackend {
  if (!value.isObject)
    return {
      kind: "http",
      url: value.required(),
      timeoutMs: 0,
      retries: undefined,
      forwardHost: false,
      signingKey: "",
    };
  const { url, timeoutMs, retries, forwardHost, signingKey } = value.object(HTTP_KEYS);
  return {
    kind: "http",
    url: url.required(),
    timeoutMs: timeoutMs.integer(100, 300_000) ?? 0,
    retries: retries.integer(0, 3),
    forwardHost: forwardHost.boolean() ?? false,
    signingKey: signingKey.string() ?? "",
  };
}

export function texts(value: YamlValue): Record<string, string> {
  return Object.fromEntries(value.entries().map(([key, member]) => [key, member.required()]));
}
