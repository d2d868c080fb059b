import { LIMITS } from "../limits.ts";
import type { Violations } from "../requests/violations.ts";
import type { HttpBackend } from "./api.ts";

export interface HttpDraft {
  kind: "http";
  url: string;
  /** 0 means the default. */
  timeoutMs: number;
  retries?: number | undefined;
  forwardHost: boolean;
  signingKey: string;
}

const { backendUrlCharsMax, backendTimeoutMs, backendRetries } = LIMITS;

/** The backend that a draft means; its faults are added to `violations` under `at`. Whether gateways may connect there, they decide. */
export function readHttp(draft: HttpDraft, violations: Violations, at: string): HttpBackend {
  const { forwardHost, signingKey, timeoutMs: asked, retries = backendRetries.default } = draft;
  const timeoutMs = asked === 0 ? backendTimeoutMs.default : asked;
  const fault = urlFault(draft.url);
  if (fault) violations.add(`${at}.url`, fault);
  const { min, max } = backendTimeoutMs;
  violations.unless(timeoutMs >= min && timeoutMs <= max, `${at}.timeout_ms`, `must be from ${min} to ${max}, or 0`);
  violations.unless(ACCESS_KEY.test(signingKey), `${at}.signing_key`, "must be the id of an access key of the project");
  const fits = retries >= 0 && retries <= backendRetries.max;
  violations.unless(fits, `${at}.retries`, `must be from 0 to ${backendRetries.max}`);
  return { kind: "http", url: fault ? "" : normalised(draft.url), timeoutMs, retries, forwardHost, signingKey };
}

const ACCESS_KEY = /^[A-Za-z0-9]{0,64}$/;
const AUTHORITY = /^https?:\/\/([^/]*)/i;
/** A path as gateways write it: what would be read as two paths by two readers is refused for callers, too. */
const PATH = /^(?:\/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*$/;

/** What is wrong with the URL of a backend, or undefined. One that a parser would read as another host than it shows is wrong. */
function urlFault(url: string): string | undefined {
  if (url.length > backendUrlCharsMax) return `must have at most ${backendUrlCharsMax} characters`;
  const [start, authority] = AUTHORITY.exec(url) ?? [];
  const parsed = URL.parse(url);
  if (start === undefined || authority === undefined || !parsed)
    return "must be http://host[:port][/path] or https://…";
  if (authority.includes("@")) return "must not hold a user or a password";
  if (/[?#]/.test(url)) return "must have neither a query nor a fragment";
  const host = authority.replace(/:\d*$/, "").toLowerCase();
  if (host !== parsed.hostname) return `names the host ${parsed.hostname}, and must write it so`;
  if (parsed.port === "0") return "must have a port from 1 to 65535";
  const path = url.slice(start.length);
  if (!PATH.test(path)) return "must have a path of letters, digits, -._~!$&'()*+,;=:@ and percent-encoded bytes";
  const segments = path.split("/").slice(1);
  if (segments.slice(0, -1).includes("")) return "must not have an empty segment";
  if (path !== "" && parsed.pathname !== path) return "must not have the segments . and ..";
  return /%(?:00|2f|5c)/i.test(path) ? "must not have /, \\ or NUL percent-encoded" : undefined;
}

function normalised(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname.replace(/\/$/, "");
}
