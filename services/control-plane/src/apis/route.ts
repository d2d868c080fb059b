import { LIMITS } from "../limits.ts";
import type { ApiDefinition } from "./api.ts";

// Paths of APIs. `{name}` fills a segment. Where several APIs fit a request, a literal goes before a parameter, and a parameter before a
// prefix; so two APIs clash only when method, match and shape of the path are the same, whatever their parameters are called.

const LITERAL = /^(?:[A-Za-z0-9._~!$&'()+,;=:@-]|%[0-9A-Fa-f]{2})+$/;
const PLACEHOLDER = /^\{([A-Za-z_][A-Za-z0-9_.-]{0,63})\}$/;

/** What is wrong with a path, or undefined. */
export function pathFault(path: string, match: string): string | undefined {
  if (!path.startsWith("/")) return "must begin with /";
  if (path.length > LIMITS.pathCharsMax) return `must have at most ${LIMITS.pathCharsMax} characters`;
  const segments = segmentsOf(path);
  if (segments.length > LIMITS.pathSegmentsMax) return `must have at most ${LIMITS.pathSegmentsMax} segments`;
  for (const [i, segment] of segments.entries()) {
    if (segment === "") {
      if (i !== segments.length - 1) return "must not have an empty segment";
      if (match === "prefix" && segments.length > 1) return "of a prefix must not end in /";
    } else if (!PLACEHOLDER.test(segment) && segmentFault(segment)) return segmentFault(segment);
  }
  const names = placeholdersOf(path);
  if (new Set(names).size < names.length) return "names a parameter twice";
  return undefined;
}

/** Names of the path's parameters, in order. */
export function placeholdersOf(path: string): string[] {
  return segmentsOf(path).flatMap((segment) => PLACEHOLDER.exec(segment)?.[1] ?? []);
}

/** What two APIs must not have in common. */
export function routeOf({ method, match, path }: Pick<ApiDefinition, "method" | "match" | "path">): string {
  const shape = segmentsOf(path).map((segment) => (PLACEHOLDER.test(segment) ? "{}" : decodeURIComponent(segment)));
  return `${method} ${match} /${shape.join("/")}`;
}

export function describeRoute({ method, match, path }: Pick<ApiDefinition, "method" | "match" | "path">): string {
  return `${method} ${path}${match === "prefix" ? " and below" : ""}`;
}

function segmentFault(segment: string): string | undefined {
  if (/[{}]/.test(segment)) return "may have {name} as a whole segment only, name being letters, digits, _, - and .";
  if (!LITERAL.test(segment)) return `has characters in "${segment.slice(0, 40)}" that must be percent-encoded`;
  const decoded = decode(segment);
  if (decoded === undefined) return `has percent-encoded bytes in "${segment.slice(0, 40)}" that are no UTF-8`;
  if (decoded === "." || decoded === "..") return "must not have the segments . and ..";
  if (/[/{}\0]/.test(decoded)) return "must not have /, {, } or NUL percent-encoded";
  return undefined;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function segmentsOf(path: string): string[] {
  return path.slice(1).split("/");
}
