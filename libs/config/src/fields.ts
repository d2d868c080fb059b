import { readFileSync } from "node:fs";
import { Secret } from "@millrace/sealing";
import { z } from "zod";

// Field types for the environment. zod's own coercions are traps here: z.coerce.number("") is 0 and
// z.coerce.boolean("false") is true.

const DURATION_UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const BYTE_UNITS: Record<string, number> = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A whole number within bounds. */
export function integer(min: number, max: number) {
  return z.string().transform((text, context) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    return problem(context, `must be a whole number from ${min} to ${max}`);
  });
}

/** A part of a whole, from 0 to 1, e.g. `0.01`. */
export function share() {
  return z.string().transform((text, context) => {
    const value = /^(?:0|1)?(?:\.\d+)?$/.test(text) ? Number(text || "NaN") : Number.NaN;
    if (value >= 0 && value <= 1) return value;
    return problem(context, "must be a number from 0 to 1, e.g. 0.01");
  });
}

/** `true` or `false`. */
export function bool() {
  return z.enum(["true", "false"], { error: "must be true or false" }).transform((text) => text === "true");
}

/** A length of time with its unit, e.g. `250ms`, `5s`, `2m`; in milliseconds. */
export function durationMs() {
  return z.string().transform((text, context) => {
    const match = /^(\d+)(ms|s|m|h)$/.exec(text);
    if (match) return Number(match[1]) * DURATION_UNITS_MS[match[2]!]!;
    return problem(context, "must be a length of time such as 250ms, 5s or 2m");
  });
}

/** A size with its unit, e.g. `65536`, `512KiB`, `10MiB`; in bytes. */
export function bytes() {
  return z.string().transform((text, context) => {
    const match = /^(\d+)(|KiB|MiB|GiB)$/.exec(text);
    if (match) return Number(match[1]) * BYTE_UNITS[match[2]!]!;
    return problem(context, "must be a size such as 65536, 512KiB or 10MiB");
  });
}

export interface Address {
  host: string;
  port: number;
}

/** `host:port`; port 0 lets the system choose. */
export function address() {
  return z.string().transform((text, context): Address => {
    const match = /^(\[[0-9a-fA-F:]+\]|[^:]+):(\d{1,5})$/.exec(text);
    const port = Number(match?.[2]);
    if (match && port <= 65_535) return { host: match[1]!.replace(/^\[|\]$/g, ""), port };
    return problem(context, "must be host:port, e.g. 127.0.0.1:8080");
  });
}

/** `host:port` of somebody to call, as text. */
export function peerAddress() {
  return address().transform(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
}

/** The name of a process on the bus, where it is a part of subjects. */
export function busId() {
  return z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "must be 1 to 64 of a-z, A-Z, 0-9, _ and -" });
}

/** Path of a file whose content, without a final line break, is the value. */
export function secretFile() {
  return z.string().transform((path, context): Secret => {
    try {
      return new Secret(readFileSync(path, "utf8").trimEnd());
    } catch (error) {
      return problem(context, `names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  });
}

function problem(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}
