import type { Body, Content } from "../apis/api.ts";
import { isFormType } from "../apis/draft-text.ts";
import { LIMITS } from "../limits.ts";
import { bodyOf, exampleText } from "./bodies.ts";
import { isObject, type JsonObject } from "./document.ts";
import { flagOf, SCHEMA_WORDS_20, schemaOf20, textOf } from "./parameters.ts";
import type { Located } from "./references.ts";
import { pointerTo } from "./report.ts";
import type { Tools } from "./tools.ts";

// Bodies of OpenAPI 2.0: parameters in body and formData, and the media types that an operation, or the document, consumes and produces.

const BODY_CARRIED = new Set(["name", "in", "required", "description", "schema"]);
const FIELD_CARRIED = new Set(["name", "in", "required", "description", ...SCHEMA_WORDS_20]);
const FORM = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data";

/** A body of the parameters in body and formData. */
export function readRequestBody20(operation: Located, parameters: readonly Located[], tools: Tools): Body | undefined {
  const { report } = tools;
  const types = mediaTypesOf("consumes", operation, tools);
  const body = parameters.find(({ value }) => value.in === "body");
  const fields = parameters.filter(({ value }) => value.in === "formData");
  if (body) {
    for (const { pointer } of fields) report.drop(pointer, "there is a parameter in body");
    return readBodyParameter(body, types, tools);
  }
  if (fields.length > 0) return readForm(fields, types, tools);
  types.refuse("the operation has no body");
  return undefined;
}

function readBodyParameter({ value, pointer }: Located, types: MediaTypes, tools: Tools): Body {
  const { report, schemas } = tools;
  report.dropRest(value, pointer, BODY_CARRIED);
  const named = pointerTo(pointer, "name");
  if (value.name !== "body") report.change(named, "a body has no name", "");
  const schema =
    value.schema === undefined ? "" : schemas.json(schemas.standAlone(value.schema, pointerTo(pointer, "schema")));
  const contents = types.take("application/json").map((mediaType) => ({ mediaType, schema, example: "" }));
  const required = flagOf(value, "required", pointer, report);
  return bodyOf(contents, { required, description: textOf(value, "description", pointer, report) });
}

function readForm(fields: readonly Located[], types: MediaTypes, tools: Tools): Body {
  const { report, schemas } = tools;
  const properties = fields.map(({ value, pointer }) => {
    report.dropRest(value, pointer, FIELD_CARRIED);
    const description = textOf(value, "description", pointer, report);
    const schema = schemas.standAlone(schemaOf20(value), pointer) as JsonObject;
    return [String(value.name), description === "" ? schema : { ...schema, description }];
  });
  const required = fields
    .filter(({ value, pointer }) => flagOf(value, "required", pointer, report))
    .map(({ value }) => value.name);
  const schema = {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
  };
  const text = schemas.json(schema);
  const usual = fields.some(({ value }) => value.type === "file") ? MULTIPART : FORM;
  const contents = types.take(usual, isFormType).map((mediaType) => ({ mediaType, schema: text, example: "" }));
  return bodyOf(contents, { required: required.length > 0, description: "" });
}

export function readContents20({ value, pointer }: Located, operation: Located, tools: Tools): Content[] {
  const { report, schemas } = tools;
  const at = pointerTo(pointer, "examples");
  const examples = isObject(value.examples) ? value.examples : {};
  if (value.examples !== undefined && !isObject(value.examples)) report.fault(at, "must be an object");
  const hasSchema = value.schema !== undefined;
  const schema = hasSchema ? schemas.json(schemas.standAlone(value.schema, pointerTo(pointer, "schema"))) : "";
  const produced = hasSchema ? mediaTypesOf("produces", operation, tools).take("application/json") : [];
  return [...new Set([...produced, ...Object.keys(examples)])].map((mediaType) => {
    const text = Object.hasOwn(examples, mediaType)
      ? exampleText(mediaType, { example: examples[mediaType], at: pointerTo(at, mediaType) }, tools)
      : "";
    return { mediaType, schema, example: text };
  });
}

/** The media types of an operation, or else of the document. */
class MediaTypes {
  readonly #types: readonly { mediaType: string; pointer: string }[];
  readonly #isOwn: boolean;
  readonly #tools: Tools;

  constructor(types: readonly { mediaType: string; pointer: string }[], isOwn: boolean, tools: Tools) {
    this.#types = types;
    this.#isOwn = isOwn;
    this.#tools = tools;
  }

  /** Those that fit, each once; else `usual`. */
  take(usual: string, fits: (mediaType: string) => boolean = () => true): string[] {
    const taken = this.#types.filter(({ mediaType }) => fits(mediaType));
    for (const { pointer } of taken) this.#tools.references.use(pointer);
    if (this.#isOwn)
      this.#refuse(
        this.#types.filter((type) => !taken.includes(type)),
        "a form is not sent so",
      );
    const types = [...new Set(taken.map(({ mediaType }) => mediaType))];
    return types.length > 0 ? types : [usual];
  }

  /** Says why none of them is taken. */
  refuse(why: string): void {
    if (this.#isOwn) this.#refuse(this.#types, why);
  }

  #refuse(types: readonly { pointer: string }[], why: string): void {
    for (const { pointer } of types) this.#tools.report.drop(pointer, why);
  }
}

function mediaTypesOf(key: "consumes" | "produces", operation: Located, tools: Tools): MediaTypes {
  const own = operation.value[key];
  const { value, pointer } =
    own === undefined
      ? { value: tools.document.root[key], pointer: `#/${key}` }
      : { value: own, pointer: pointerTo(operation.pointer, key) };
  if (value !== undefined && !Array.isArray(value)) tools.report.fault(pointer, "must be a list");
  const isLong = Array.isArray(value) && value.length > LIMITS.mediaTypesMax;
  if (isLong) tools.report.fault(pointer, `must be at most ${LIMITS.mediaTypesMax}`);
  const types = (Array.isArray(value) && !isLong ? value : []).flatMap((mediaType, i) => {
    if (typeof mediaType === "string") return [{ mediaType, pointer: pointerTo(pointer, i) }];
    tools.report.fault(pointerTo(pointer, i), "must be a media type");
    return [];
  });
  return new MediaTypes(types, own !== undefined, tools);
}

/** Says which media types of the document, or of an operation's answers, no operation took. */
export function dropUnusedTypes({ value, pointer }: Located, keys: readonly string[], tools: Tools): void {
  for (const key of keys) {
    const types = value[key];
    if (!Array.isArray(types)) continue;
    types.forEach((_, i) => {
      const at = pointerTo(pointerTo(pointer, key), i);
      if (!tools.references.isUsed(at)) tools.report.drop(at, "no body has it");
    });
  }
}
