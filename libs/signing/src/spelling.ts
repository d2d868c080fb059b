/**
 * Percent-encoding, byte for byte and in one pass. Text is what HTTP carries: one char code is one byte.
 *
 * `encode` writes every byte outside a set as %XX. `respell` first undoes the escapes, so that all spellings of the
 * same bytes (%7e, %7E, ~) come out alike; %2F stays %2F and is never confused with a slash.
 */
const ESCAPES = Array.from({ length: 256 }, (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`);
const UNRESERVED = byteSet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");
const PERCENT = 0x25;
const PLUS = 0x2b;

export const IN_PATH = byteSet("/", UNRESERVED);
export const IN_QUERY = UNRESERVED;
export const IN_QUERY_WITH_EQUALS = byteSet("=", UNRESERVED);

function byteSet(members: string, base: Uint8Array = new Uint8Array(256)): Uint8Array {
  const set = base.slice();
  for (const member of members) set[member.charCodeAt(0)] = 1;
  return set;
}

/** Percent-encodes every byte that is not in `kept`; a `%` becomes %25. */
export function encode(text: string, kept: Uint8Array): string {
  let written = "";
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (kept[code] === 1) continue;
    written += text.slice(from, at) + ESCAPES[code];
    from = at + 1;
  }
  return from === 0 ? text : written + text.slice(from);
}

/** Decodes, then encodes: one spelling per byte string. `plus` says what a raw `+` means there. */
export function respell(text: string, kept: Uint8Array, plus: "space" | "itself"): string {
  let written = "";
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (kept[code] === 1) continue;
    written += text.slice(from, at);
    const escaped = code === PERCENT ? escapedByte(text, at) : -1;
    if (escaped >= 0) {
      written += UNRESERVED[escaped] === 1 ? String.fromCharCode(escaped) : ESCAPES[escaped];
      at += 2;
    } else {
      written += code === PLUS && plus === "space" ? "%20" : ESCAPES[code];
    }
    from = at + 1;
  }
  return from === 0 ? text : written + text.slice(from);
}

/** True when every `%` starts an escape. */
export function escapesAreValid(text: string): boolean {
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", at + 3)) {
    if (escapedByte(text, at) < 0) return false;
  }
  return true;
}

/** The byte that the escape at `at` stands for, or -1. */
function escapedByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at + 1));
  const low = hexDigit(text.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
