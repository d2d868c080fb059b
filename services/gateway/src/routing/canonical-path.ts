// One canonical form of a path, made once, used for routing and forwarding (a signature covers the target as received).
//
//   /pets/%7e%63at  →  /pets/~cat      escapes of unreserved characters are undone
//   /a%c3%a9        →  /a%C3%A9        other escapes stay, in upper case
//   /{x}            →  /%7Bx%7D        characters that a URI may not hold are escaped
//
// Refused, since a function or a proxy behind it might read them as another path: NUL and control bytes, escaped slashes and backslashes, a
// raw backslash, a fragment, broken escapes, what is not UTF-8, empty segments in the middle, and dot segments in any spelling.

export interface CanonicalPath {
  /** As forwarded. */
  path: string;
  /** As routed: without escapes. A slash in it is always a separator, since escaped slashes are refused. */
  decoded: string;
}

const ORDINARY = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/;
const SUSPECT = /\/\/|\/\.{1,2}(?:\/|$)/;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const KEPT = /[A-Za-z0-9\-._~!$&'()*+,;=:@/]/;
const ESCAPED = /["<>^`{|}]/;

/** The canonical form of the path of a request target, or what is wrong with it. */
export function canonicalPath(path: string): CanonicalPath | { fault: string } {
  const canonical = ORDINARY.test(path) ? path : respell(path);
  if (typeof canonical === "object") return canonical;
  if (SUSPECT.test(canonical)) return { fault: "the path holds an empty segment or a dot segment" };
  if (!canonical.includes("%")) return { path: canonical, decoded: canonical };
  try {
    return { path: canonical, decoded: decodeURIComponent(canonical) };
  } catch {
    return { fault: "the path is not UTF-8" };
  }
}

function respell(path: string): string | { fault: string } {
  if (!path.startsWith("/")) return { fault: "the path does not begin with a slash" };
  let canonical = "";
  for (let at = 0; at < path.length; at++) {
    const character = path[at]!;
    if (KEPT.test(character)) canonical += character;
    else if (ESCAPED.test(character)) canonical += escapeOf(character.charCodeAt(0));
    else if (character !== "%") return { fault: "the path holds a character that a path may not hold" };
    else {
      const byte = /^[0-9A-Fa-f]{2}$/.test(path.slice(at + 1, at + 3))
        ? Number.parseInt(path.slice(at + 1, at + 3), 16)
        : -1;
      if (byte === -1) return { fault: "the path holds a broken percent escape" };
      if (byte < 0x20 || byte === 0x7f) return { fault: "the path holds an escaped control character" };
      if (byte === 0x2f || byte === 0x5c) return { fault: "the path holds an escaped slash or backslash" };
      const meant = String.fromCharCode(byte);
      canonical += byte < 0x80 && UNRESERVED.test(meant) ? meant : escapeOf(byte);
      at += 2;
    }
  }
  return canonical;
}

function escapeOf(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
