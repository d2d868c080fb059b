import { PlatformError } from "@millrace/errors";
import { checkId, isAnswerable, parseName } from "@millrace/names";
import { LIMITS } from "../limits.ts";
import type { Violations } from "../requests/violations.ts";
import { type Backend, EVENT_FORMATS, type EventFormat, LATEST, type MockBackend } from "./api.ts";
import { type HttpDraft, readHttp } from "./http-draft.ts";

// A backend as it comes in, with an API or with a release.

export type BackendDraft =
  | { kind: "function"; function: string; qualifier: string; eventFormat: string }
  | MockBackend
  | HttpDraft
  | { kind: "none" };

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The backend that a draft means; its faults are added to `violations` under `at`. */
export function readBackend(
  draft: BackendDraft,
  project: string,
  violations: Violations,
  at: string,
): Backend | undefined {
  if (draft.kind === "none") {
    violations.add(at, "must be a function, an http server or a mock");
    return undefined;
  }
  if (draft.kind === "mock") return readMock(draft, violations, `${at}.mock`);
  if (draft.kind === "http") return readHttp(draft, violations, `${at}.http`);
  const field = `${at}.function`;
  violations.unless(
    EVENT_FORMATS.includes(draft.eventFormat as EventFormat),
    `${field}.event_format`,
    `must be one of ${EVENT_FORMATS.join(", ")}`,
  );
  return {
    kind: "function",
    function: functionOf(draft.function, project, violations, `${field}.function`),
    qualifier: qualifierOf(draft.qualifier, violations, `${field}.qualifier`),
    eventFormat: draft.eventFormat as EventFormat,
  };
}

function functionOf(name: string, project: string, violations: Violations, field: string): string {
  const ids = collected(violations, () => parseName("function", name, field));
  if (ids && ids.project !== project) violations.add(field, `must be a function of project ${project}`);
  return ids?.function ?? "";
}

function qualifierOf(qualifier: string, violations: Violations, field: string): string {
  if (qualifier === "" || qualifier === LATEST) return LATEST;
  if (/^\d+$/.test(qualifier)) return collected(violations, () => checkId("version", qualifier, field)) ?? "";
  return collected(violations, () => checkId("alias", qualifier, field)) ?? "";
}

function readMock(mock: MockBackend, violations: Violations, at: string): MockBackend {
  const status = mock.status === 0 ? 200 : mock.status;
  violations.unless(status >= 200 && status <= 599, `${at}.status`, "must be from 200 to 599");
  const headers = Object.entries(mock.headers);
  violations.unless(
    headers.length <= LIMITS.mockHeadersMax,
    `${at}.headers`,
    `must be at most ${LIMITS.mockHeadersMax}`,
  );
  for (const [name, value] of headers) {
    const field = `${at}.headers.${name.slice(0, 64)}`;
    violations.unless(HEADER_NAME.test(name), field, "is no name of a header");
    violations.unless(isAnswerable(name.toLowerCase()), field, "is set by the gateway");
    const fits = HEADER_VALUE.test(value) && value.length <= LIMITS.mockHeaderBytesMax;
    violations.unless(fits, field, `must be at most ${LIMITS.mockHeaderBytesMax} printable characters`);
  }
  const fits = Buffer.byteLength(mock.body) <= LIMITS.mockBodyBytesMax;
  violations.unless(fits, `${at}.body`, `must have at most ${LIMITS.mockBodyBytesMax} bytes`);
  violations.unless(!mock.body.includes("\0"), `${at}.body`, "must not hold the character NUL");
  return { kind: "mock", status, headers: { ...mock.headers }, body: mock.body };
}

/** What `parse` answers; what it refuses is added to the other faults. */
function collected<T>(violations: Violations, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    for (const { field, description } of error.violations) violations.add(field, description);
    return undefined;
  }
}
