import { invalidFields } from "@millrace/errors";
import type { Backend } from "@millrace/proto/control/v1/apis";
import { Option } from "commander";
import { backendMessage } from "../deploy/backend.ts";
import { EVENT_FORMATS, type EventFormatWord } from "../deploy/manifest-backend.ts";
import { integerOption } from "./options.ts";

// A backend as the options of a command name it: a function or an http server.

export interface BackendOptions {
  function?: string;
  qualifier?: string;
  eventFormat?: EventFormatWord;
  http?: string;
  backendTimeoutMs?: number;
  retries?: number;
  forwardHost?: boolean;
  signWith?: string;
}

export const backendOptions = (behind: string): Option[] => [
  new Option("--function <id>", `the function ${behind}`),
  new Option("--qualifier <version>", "its version, an alias or LATEST (default)"),
  new Option("--event-format <format>", "the event that its handler gets (default: jd)").choices(EVENT_FORMATS),
  new Option("--http <url>", `the server ${behind}: http(s)://host[:port][/path]`),
  integerOption("--backend-timeout-ms <ms>", "how long it may take to begin its answer (default: 10000)", 100, 300_000),
  integerOption("--retries <number>", "how often a request is sent again when a connection failed (default: 1)", 0, 3),
  new Option("--forward-host", "tell it the caller's Host instead of its own"),
  new Option("--sign-with <access key>", "sign what it is sent with this access key of the project"),
];

/** The backend that the options name; undefined when they name none. `project` is `projects/{id}`. */
export function backendOf(options: BackendOptions, project: string): Backend | undefined {
  const { http, function: functionId, qualifier = "", eventFormat = "jd" } = options;
  const { backendTimeoutMs: timeoutMs = 0, retries, forwardHost = false, signWith: signingKey = "" } = options;
  if (http !== undefined && functionId !== undefined)
    throw invalidFields([{ field: "--http", description: "cannot stand beside --function" }]);
  if (http !== undefined)
    return backendMessage({ kind: "http", url: http, timeoutMs, retries, forwardHost, signingKey }, project);
  if (functionId === undefined) return undefined;
  return backendMessage({ kind: "function", function: functionId, qualifier, eventFormat }, project);
}
