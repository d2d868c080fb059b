import type { Body, Content } from "../apis/api.ts";
import { jsonFirst } from "../apis/content-draft.ts";
import { isFormType, isJsonType } from "../apis/draft-text.ts";
import { isObject } from "./document.ts";
import { flagOf, textOf } from "./parameters.ts";
import type { Located } from "./references.ts";
import { pointerTo } from "./report.ts";
import { EXAMPLE_EXTENSION, TEXT_EXTENSION, type Tools } from "./tools.ts";

// Bodies of OpenAPI 3.

const REQUEST_CARRIED = new Set(["content", "required", "description"]);
const MEDIA_CARRIED = new Set(["schema", "example", TEXT_EXTENSION, EXAMPLE_EXTENSION]);

export function readRequestBody({ value, pointer }: Located, tools: Tools): Body | undefined {
  if (value.requestBody === undefined) return undefined;
  const body = tools.references.follow(value.requestBody, pointerTo(pointer, "requestBody"));
  if (!body) return undefined;
  tools.report.dropRest(body.value, body.pointer, REQUEST_CARRIED);
  const required = flagOf(body.value, "required", body.pointer, tools.report);
  const description = textOf(body.value, "description", body.pointer, tools.report);
  const contents = readContents(body, tools);
  if (contents.length === 0) {
    tools.report.drop(body.pointer, "it says no media type");
    return undefined;
  }
  return bodyOf(contents, { required, description });
}

export function bodyOf(contents: readonly Content[], about: Pick<Body, "required" | "description">): Body {
  const [first, ...others] = jsonFirst(contents);
  return { ...first!, ...about, others };
}

export function readContents({ value, pointer }: Located, tools: Tools): Content[] {
  const { content } = value;
  const at = pointerTo(pointer, "content");
  if (content === undefined) return [];
  if (!isObject(content)) {
    tools.report.fault(at, "must be an object");
    return [];
  }
  return Object.entries(content).flatMap(([mediaType, media]) => {
    const mediaPointer = pointerTo(at, mediaType);
    if (isObject(media)) return [readMedia(mediaType, { value: media, pointer: mediaPointer }, tools)];
    tools.report.fault(mediaPointer, "must be an object");
    return [];
  });
}

function readMedia(mediaType: string, { value, pointer }: Located, tools: Tools): Content {
  const { report } = tools;
  report.dropRest(value, pointer, MEDIA_CARRIED);
  const at = pointerTo(pointer, "example");
  const text = textOf(value, EXAMPLE_EXTENSION, pointer, report);
  if (text !== "" && value.example !== undefined)
    report.drop(pointerTo(pointer, EXAMPLE_EXTENSION), "there is an example");
  const example = value.example === undefined ? text : exampleText(mediaType, { example: value.example, at }, tools);
  return { mediaType, schema: schemaText({ value, pointer }, tools), example };
}

function schemaText({ value, pointer }: Located, { schemas, report }: Tools): string {
  const text = textOf(value, TEXT_EXTENSION, pointer, report);
  if (value.schema === undefined) return text;
  if (text !== "") report.drop(pointerTo(pointer, TEXT_EXTENSION), "there is a schema");
  const schema = schemas.standAlone(value.schema, pointerTo(pointer, "schema"));
  return schema === undefined ? "" : schemas.json(schema);
}

export function exampleText(
  mediaType: string,
  { example, at }: { example: unknown; at: string },
  { schemas, report }: Tools,
): string {
  if (isJsonType(mediaType) || isFormType(mediaType)) return schemas.json(example);
  if (typeof example === "string") return example;
  report.change(at, `an example of ${mediaType} is a text: this one is kept as JSON`);
  return schemas.json(example);
}
