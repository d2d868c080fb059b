/** When a request says that it was signed, and whether that is close enough to now. */
import { type Failure, fail } from "./failure.ts";
import { HeaderIndex, type HeaderPair } from "./headers.ts";
import type { Profile } from "./profile.ts";

export const CLOCK_WINDOW_MS = 300_000;

export interface SignedDate {
  /** YYYYMMDDTHHMMSSZ, as it stands in the string to sign. */
  readonly timestamp: string;
  readonly signedAt: number;
}

/** The profile's own header; for AWS4 without it, the Date header (IMF-fixdate, or the same form as the own one). */
export function signedDate(profile: Profile, headers: readonly HeaderPair[] | HeaderIndex): SignedDate | Failure {
  const index = HeaderIndex.of(headers);
  const fallback = profile.fallbackDateHeader;
  const name = fallback !== undefined && !index.has(profile.headers.date) ? fallback : profile.headers.date;
  const value = index.single(name);
  if (value === undefined) return fail("date_missing", `there is no header ${profile.headers.date}`);
  if (typeof value !== "string") return value;
  const timestamp = name === "date" ? (fromFixdate(value) ?? value) : value;
  const signedAt = parseTimestamp(timestamp);
  if (signedAt === undefined) return fail("date_malformed", `header ${name} is not a date like 20190214T104514Z`);
  return { timestamp, signedAt };
}

/** The key is derived for a day, so the day of the scope and the day of the request must be the same. */
export function scopeDateFailure(scopeDate: string, date: SignedDate): Failure | undefined {
  if (date.timestamp.startsWith(scopeDate)) return undefined;
  return fail("date_outside_scope", "the date of the scope is not the day of the request");
}

/** A positive skew means that the request comes from the future. Both ends of the window belong to it. */
export function checkClock(
  signedAt: number,
  now: number,
  windowMs: number = CLOCK_WINDOW_MS,
): { readonly ok: true } | { readonly ok: false; readonly skewMs: number } {
  const skewMs = signedAt - now;
  return Math.abs(skewMs) <= windowMs ? { ok: true } : { ok: false, skewMs };
}

/** Milliseconds since 1970, or undefined for anything but a real instant written YYYYMMDDTHHMMSSZ. */
export function parseTimestamp(text: string): number | undefined {
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const instant = Date.UTC(year, month - 1, day, hour, minute, second);
  return formatTimestamp(instant) === text ? instant : undefined;
}

export const formatTimestamp = (instant: number): string =>
  `${new Date(instant).toISOString().slice(0, 19).replaceAll("-", "").replaceAll(":", "")}Z`;

function fromFixdate(text: string): string | undefined {
  if (!FIXDATE.test(text)) return undefined;
  const instant = Date.parse(text);
  return Number.isNaN(instant) || new Date(instant).toUTCString() !== text ? undefined : formatTimestamp(instant);
}

const TIMESTAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const FIXDATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;
