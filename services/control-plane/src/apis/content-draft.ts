import { LIMITS } from "../limits.ts";
import type { Violations } from "../requests/violations.ts";
import type { ApiDefinition, Body, Content, Response } from "./api.ts";
import { isFormType, isJsonSchema, isJsonType, JSON_FAULT, jsonOf } from "./draft-text.ts";

// Bodies and answers of a definition as they come in.

const MEDIA_TYPE =
  /^[A-Za-z0-9!#$&^_.+*-]+\/[A-Za-z0-9!#$&^_.+*-]+(; *[A-Za-z0-9_-]+=("[\x20\x21\x23-\x7e]*"|[A-Za-z0-9_.+-]+))*$/;
const NORMAL_STATUS = /^(?:|2\d\d|2XX|default)$/;
const STATUS = /^(?:[1-5]\d\d|[1-5]XX|default)$/;

export function checkBody(violations: Violations, at: string, body: Body | undefined): void {
  if (!body) return;
  violations.text(body.description, `${at}.description`, LIMITS.apiDescriptionCharsMax);
  checkContent(violations, at, body);
  const { othersMax } = LIMITS;
  violations.unless(body.others.length <= othersMax, `${at}.others`, `must be at most ${othersMax}`);
  const others = body.others.slice(0, othersMax);
  for (const [i, content] of others.entries()) checkContent(violations, `${at}.others[${i}]`, content);
  checkDifferent(violations, `${at}.others`, [body, ...others]);
}

/** The normal answer and the others. */
export function checkAnswers(
  violations: Violations,
  at: string,
  answers: Pick<ApiDefinition, "responseStatus" | "responseBody" | "responseDescription" | "otherResponses">,
): void {
  const { responseStatus, responseDescription, otherResponses } = answers;
  const normal = NORMAL_STATUS.test(responseStatus);
  violations.unless(normal, `${at}.response_status`, "must be 200 to 299, 2XX or default");
  violations.text(responseDescription, `${at}.response_description`, LIMITS.apiDescriptionCharsMax);
  const { otherResponsesMax } = LIMITS;
  const few = otherResponses.length <= otherResponsesMax;
  violations.unless(few, `${at}.other_responses`, `must be at most ${otherResponsesMax}`);
  const statuses = settledStatuses(answers);
  const isDescribed = statuses[0] !== "" || responseDescription === "";
  violations.unless(isDescribed, `${at}.response_description`, "must have a response_status");
  const seen = new Set([statuses[0]!]);
  otherResponses.slice(0, otherResponsesMax).forEach((response, i) => {
    const field = `${at}.other_responses[${i}]`;
    violations.unless(STATUS.test(response.status), `${field}.status`, "must be 100 to 599, 1XX to 5XX or default");
    violations.unless(!seen.has(response.status), `${field}.status`, `declares ${response.status.slice(0, 7)} twice`);
    seen.add(response.status);
    checkResponse(violations, field, response);
  });
  const first = normalStatusOf(statuses) ?? "";
  const wrong = normal && first !== statuses[0];
  if (wrong) violations.add(`${at}.response_status`, `must be ${first}, the first success that is declared`);
}

/** All statuses that are declared, that of the normal answer in front; empty when there is none. */
export function settledStatuses({
  responseStatus,
  responseBody,
  otherResponses,
}: Pick<ApiDefinition, "responseStatus" | "responseBody" | "otherResponses">): string[] {
  const isSaid = responseStatus !== "" || (responseBody === undefined && otherResponses.length > 0);
  return [isSaid ? responseStatus : "200", ...otherResponses.map(({ status }) => status)];
}

function checkResponse(violations: Violations, at: string, { description, contents }: Response): void {
  violations.text(description, `${at}.description`, LIMITS.apiDescriptionCharsMax);
  const max = LIMITS.othersMax + 1;
  violations.unless(contents.length <= max, `${at}.contents`, `must be at most ${max}`);
  const few = contents.slice(0, max);
  for (const [i, content] of few.entries()) checkContent(violations, `${at}.contents[${i}]`, content);
  checkDifferent(violations, `${at}.contents`, few);
}

function checkDifferent(violations: Violations, at: string, contents: readonly Content[]): void {
  const types = new Set(contents.map(({ mediaType }) => mediaType.toLowerCase()));
  violations.unless(types.size === contents.length, at, "must be of different media types");
}

function checkContent(violations: Violations, at: string, { mediaType, schema, example }: Content): void {
  const isType = MEDIA_TYPE.test(mediaType) && mediaType.length <= 256;
  violations.unless(isType, `${at}.media_type`, "must be a media type such as application/json");
  const { bodySchemaBytesMax, exampleBytesMax } = LIMITS;
  checkBytes(violations, `${at}.schema`, schema, bodySchemaBytesMax);
  checkBytes(violations, `${at}.example`, example, exampleBytesMax);
  if (!isJsonType(mediaType) && !isFormType(mediaType)) return;
  if (schema !== "") violations.unless(isJsonSchema(schema), `${at}.schema`, JSON_FAULT);
  if (example !== "") violations.unless(jsonOf(example) !== undefined, `${at}.example`, "must be JSON text");
}

function checkBytes(violations: Violations, at: string, text: string, bytesMax: number): void {
  violations.unless(Buffer.byteLength(text) <= bytesMax, at, `must have at most ${bytesMax} bytes`);
  violations.unless(!text.includes("\0"), at, "must not hold the character NUL");
}

/** With the first media type of JSON in front. */
export function settledBody(body: Body): Body {
  const { mediaType, schema, example, others, ...rest } = body;
  const [first, ...more] = jsonFirst([{ mediaType, schema, example }, ...others].map(settledContent));
  return { ...rest, ...first!, others: more };
}

/** A schema as an object; true and false say the same as these. */
function settledContent({ mediaType, schema, example }: Content): Content {
  const text = schema.trim();
  return { mediaType, schema: text === "true" ? "{}" : text === "false" ? '{"not":{}}' : schema, example };
}

export function jsonFirst(contents: readonly Content[]): Content[] {
  const at = contents.findIndex(({ mediaType }) => isJsonType(mediaType));
  return at <= 0 ? [...contents] : [contents[at]!, ...contents.toSpliced(at, 1)];
}

/** The lowest 2xx, else 2XX, else the default; undefined when there is none of these. */
export function normalStatusOf(statuses: readonly string[]): string | undefined {
  const exact = statuses.filter((status) => /^2\d\d$/.test(status)).toSorted();
  return exact[0] ?? ["2XX", "default"].find((status) => statuses.includes(status));
}

/** In the order in which a document's statuses come: numbers, then ranges, then the default. */
export function settledResponses(responses: readonly Response[]): Response[] {
  const rank = ({ status }: Response) => (status === "default" ? 2 : /^\d{3}$/.test(status) ? 0 : 1);
  const sorted = responses.toSorted((a, b) => rank(a) - rank(b) || (a.status < b.status ? -1 : 1));
  return sorted.map((response) => ({ ...response, contents: response.contents.map(settledContent) }));
}
