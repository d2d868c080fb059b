import { LIMITS } from "../limits.ts";
import type { Violations } from "../requests/violations.ts";
import {
  type ApiDefinition,
  type Backend,
  type Content,
  MATCHES,
  type Match,
  METHODS,
  type Method,
  type Response,
} from "./api.ts";
import { type BackendDraft, readBackend } from "./backend-draft.ts";
import { type BackendRequestDraft, readBackendRequest } from "./backend-request-draft.ts";
import { checkAnswers, checkBody, settledBody, settledResponses, settledStatuses } from "./content-draft.ts";
import { checkParameters, type ParameterDraft, settledParameter } from "./parameter-draft.ts";
import { pathFault, placeholdersOf } from "./route.ts";

// A definition as it comes in, over gRPC or from a document: words may be unknown, texts too long. Reading it collects every fault.

export interface ApiDraft
  extends Omit<ApiDefinition, "method" | "match" | "parameters" | "backend" | "backendRequest"> {
  method: string;
  match: string;
  parameters: readonly ParameterDraft[];
  backend: BackendDraft | undefined;
  backendRequest?: BackendRequestDraft | undefined;
}

/** The definition that a draft means; its faults are added to `violations` under `at`. Use it only when there are none. */
export function readDefinition(
  draft: ApiDraft,
  project: string,
  violations: Violations,
  at = "definition",
): ApiDefinition {
  const { method, path, match, requestBody, responseBody } = draft;
  violations.unless(METHODS.includes(method as Method), `${at}.method`, `must be one of ${METHODS.join(", ")}`);
  violations.unless(MATCHES.includes(match as Match), `${at}.match`, "must be exact or prefix");
  const fault = pathFault(path, match);
  if (fault) violations.add(`${at}.path`, fault);
  checkTexts(violations, at, draft);
  checkParameters(violations, `${at}.parameters`, draft.parameters, fault ? undefined : placeholdersOf(path));
  checkBody(violations, `${at}.request_body`, requestBody);
  checkBody(violations, `${at}.response_body`, responseBody);
  checkAnswers(violations, at, draft);
  const backend = draft.backend && readBackend(draft.backend, project, violations, `${at}.backend`);
  const mapped = { path, match, parameters: draft.parameters, backendKind: draft.backend?.kind };
  const backendRequest =
    draft.backendRequest && readBackendRequest(draft.backendRequest, mapped, violations, `${at}.backend_request`);
  const definition = { ...settled(draft, backend), ...(backendRequest && { backendRequest }) };
  const { definitionBytesMax: max } = LIMITS;
  // What is much too large is not written out to be measured.
  const fits = charsOf(definition) <= max && Buffer.byteLength(JSON.stringify(definition)) <= max;
  violations.unless(fits, at, `must have at most ${max} bytes in all`);
  return definition;
}

/** Of all texts in it. */
function charsOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce<number>((sum, child) => sum + charsOf(child), 0);
}

function checkTexts(violations: Violations, at: string, { summary, description, tags }: ApiDraft): void {
  violations.text(summary, `${at}.summary`, LIMITS.summaryCharsMax);
  violations.unless(!/[\r\n]/.test(summary), `${at}.summary`, "must be one line");
  violations.text(description, `${at}.description`, LIMITS.apiDescriptionCharsMax);
  violations.unless(tags.length <= LIMITS.tagsMax, `${at}.tags`, `must be at most ${LIMITS.tagsMax}`);
  tags.slice(0, LIMITS.tagsMax).forEach((tag, i) => {
    violations.text(tag, `${at}.tags[${i}]`, LIMITS.tagCharsMax);
    violations.unless(tag !== "", `${at}.tags[${i}]`, "must not be empty");
    violations.unless(tags.indexOf(tag) === i, `${at}.tags[${i}]`, "stands there twice");
  });
}

function settled(draft: ApiDraft, backend: Backend | undefined): ApiDefinition {
  const { path, summary, description, tags, deprecated, requestBody, responseBody, otherResponses } = draft;
  return {
    method: draft.method as Method,
    path,
    match: draft.match as Match,
    summary,
    description,
    tags,
    deprecated,
    parameters: draft.parameters.map(settledParameter),
    requestBody: requestBody && settledBody(requestBody),
    responseBody: responseBody && { ...settledBody(responseBody), required: false, description: "" },
    responseStatus: settledStatuses(draft)[0]!,
    responseDescription: draft.responseDescription,
    otherResponses: settledResponses(otherResponses),
    backend,
  };
}

/** A definition as it is kept, with what those kept by earlier versions do not say. */
export function completed(kept: Partial<ApiDefinition>): ApiDefinition {
  const { parameters = [], requestBody, responseBody, ...rest } = kept as ApiDefinition;
  return {
    ...rest,
    summary: rest.summary ?? "",
    tags: rest.tags ?? [],
    deprecated: rest.deprecated ?? false,
    parameters: parameters.map((parameter) =>
      settledParameter({
        ...parameter,
        deprecated: parameter.deprecated ?? false,
        exampleJson: parameter.exampleJson ?? "",
        arrayFormat: parameter.arrayFormat ?? "",
      }),
    ),
    requestBody: requestBody && { ...NO_BODY, ...requestBody },
    responseBody: responseBody && { ...NO_BODY, ...responseBody },
    responseStatus: rest.responseStatus ?? "200",
    responseDescription: rest.responseDescription ?? "",
    otherResponses: rest.otherResponses ?? ([] as Response[]),
  };
}

const NO_BODY = { description: "", example: "", others: [] as readonly Content[] };
