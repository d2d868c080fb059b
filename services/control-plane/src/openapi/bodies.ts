import type { Body } from "../apis/api.ts";
import { isJsonType } from "../apis/draft-text.ts";
import { isObject, type JsonObject } from "./document.ts";
import type { Located, References } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";
import type { SchemaTexts } from "./schema-text.ts";

const REQUEST_CARRIED = new Set(["content", "required", "description"]);
/** Every response has to have a description, so that it says nothing that it is not carried. */
const RESPONSE_CARRIED = new Set(["content", "description"]);
const MEDIA_CARRIED = new Set(["schema", "example"]);

interface Tools {
  references: References;
  schemas: SchemaTexts;
  report: ImportReport;
}

export function readRequestBody({ value, pointer }: Located, tools: Tools): Body | undefined {
  if (value.requestBody === undefined) return undefined;
  const body = tools.references.follow(value.requestBody, pointerTo(pointer, "requestBody"));
  if (!body) return undefined;
  tools.report.dropRest(body.value, body.pointer, REQUEST_CARRIED);
  const content = readContent(body, tools);
  return content && { ...content, required: body.value.required === true };
}

/** The response of success: the lowest 2xx, else 2XX, else the default. The others are not carried. */
export function readResponseBody({ value, pointer }: Located, tools: Tools): Body | undefined {
  const at = pointerTo(pointer, "responses");
  if (!isObject(value.responses)) {
    if (value.responses !== undefined) tools.report.fault(at, "must be an object");
    return undefined;
  }
  const responses = value.responses;
  const chosen = successOf(Object.keys(responses));
  for (const status of Object.keys(responses)) if (status !== chosen) tools.report.drop(pointerTo(at, status));
  const response = chosen === undefined ? undefined : tools.references.follow(responses[chosen], pointerTo(at, chosen));
  if (!response) return undefined;
  tools.report.dropRest(response.value, response.pointer, RESPONSE_CARRIED);
  const content = readContent(response, tools);
  return content && { ...content, required: false };
}

function successOf(statuses: readonly string[]): string | undefined {
  const exact = statuses.filter((status) => /^2\d\d$/.test(status)).toSorted();
  return exact[0] ?? statuses.find((status) => /^2XX$/i.test(status)) ?? statuses.find((s) => s === "default");
}

/** One media type: JSON when there is, else the first. */
function readContent({ value, pointer }: Located, { schemas, report }: Tools): Omit<Body, "required"> | undefined {
  if (!isObject(value.content)) return undefined;
  const at = pointerTo(pointer, "content");
  const types = Object.keys(value.content);
  const mediaType = types.find(isJsonType) ?? types[0];
  if (mediaType === undefined) return undefined;
  for (const type of types) if (type !== mediaType) report.drop(pointerTo(at, type));
  const media = value.content[mediaType];
  const mediaPointer = pointerTo(at, mediaType);
  if (!isObject(media)) {
    report.fault(mediaPointer, "must be an object");
    return undefined;
  }
  report.dropRest(media, mediaPointer, MEDIA_CARRIED);
  return { mediaType, schema: isJsonType(mediaType) ? jsonSchema(media) : example(media) };

  function jsonSchema({ schema, example }: JsonObject): string {
    if (example !== undefined) report.drop(pointerTo(mediaPointer, "example"));
    return schema === undefined ? "" : JSON.stringify(schemas.standAlone(schema, pointerTo(mediaPointer, "schema")));
  }

  /** What is not JSON is described by an example; a schema of it is not carried. */
  function example({ schema, example: given }: JsonObject): string {
    if (schema !== undefined) report.drop(pointerTo(mediaPointer, "schema"));
    if (given === undefined) return "";
    return typeof given === "string" ? given : JSON.stringify(given);
  }
}
