import { DIALECTS, dialectOf } from "../apis/schema-dialect.ts";
import { LIMITS } from "../limits.ts";
import { readYaml } from "./document-text.ts";
import type { OpenApiVersion } from "./modern-schema.ts";
import { type ImportReport, pointerTo } from "./report.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export interface OpenApiDocument {
  root: JsonObject;
  version: OpenApiVersion;
  /** What `$schema` says of schemas that do not say it; undefined for OpenAPI's own. */
  dialect: string | undefined;
}

/** Parses YAML or JSON within bounds. Throws `invalid_argument` document_invalid by way of the report. */
export async function readDocument(text: string, report: ImportReport): Promise<OpenApiDocument> {
  const root = await parsed(text, report);
  report.throwIfFaulty();
  return documentOf(root, report);
}

/** A parsed document, its bounds and version checked. */
export function documentOf(root: unknown, report: ImportReport): OpenApiDocument {
  if (!isObject(root)) {
    report.fault("#", "must be an OpenAPI document");
    report.throwIfFaulty();
  }
  checkBounds(root, report);
  const document = root as JsonObject;
  const version = versionOf(document, report);
  if (!isObject(document.paths)) report.fault("#/paths", "must be an object");
  report.throwIfFaulty();
  return { root: document, version, dialect: version === "3.1" ? defaultDialectOf(document, report) : undefined };
}

function versionOf({ openapi, swagger }: JsonObject, report: ImportReport): OpenApiVersion {
  const said = openapi ?? swagger;
  const text = typeof said === "string" ? said : typeof said === "number" ? said.toFixed(1) : "";
  if (openapi === undefined && text === "2.0") return "2.0";
  if (openapi !== undefined && /^3\.0\.\d+(?:-[\w.]+)?$/.test(text)) return "3.0";
  if (openapi !== undefined && /^3\.1\.\d+(?:-[\w.]+)?$/.test(text)) return "3.1";
  const pointer = openapi === undefined && swagger !== undefined ? "#/swagger" : "#/openapi";
  report.fault(pointer, `must say version 2.0, 3.0 or 3.1${text === "" ? "" : `, and says ${text.slice(0, 20)}`}`);
  return "3.1";
}

/** Undefined for 2020-12, which is OpenAPI's own but for words that check nothing. */
function defaultDialectOf({ jsonSchemaDialect: said }: JsonObject, report: ImportReport): string | undefined {
  const dialect = dialectOf(said);
  if (dialect === undefined) report.fault("#/jsonSchemaDialect", `must be one of ${DIALECTS.join(", ")}`);
  return dialect === DIALECTS[0] ? undefined : dialect;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function parsed(text: string, report: ImportReport): Promise<unknown> {
  if (Buffer.byteLength(text) > LIMITS.documentBytesMax) {
    report.fault("#", `must have at most ${LIMITS.documentBytesMax} bytes`);
    return undefined;
  }
  return text.trimStart().startsWith("{") ? fromJson(text, report) : fromYaml(text, report);
}

async function fromJson(text: string, report: ImportReport): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Flow style of YAML begins with a brace too.
    const value = await fromYaml(text, report);
    if (value === undefined) report.fault("#", `is no JSON: ${(error as Error).message}`);
    return value;
  }
}

async function fromYaml(text: string, report: ImportReport): Promise<unknown> {
  const answer = await readYaml(text);
  if ("value" in answer) return answer.value;
  for (const fault of answer.faults) report.fault("#", fault);
  return undefined;
}

/** Refuses what is too deep or, aliases unfolded, too large, each pointer and all of them included; and text that the database cannot hold. */
function checkBounds(root: unknown, report: ImportReport): void {
  let nodes = 0;
  let chars = 0;
  let pointerChars = 0;
  const { documentNodesMax, documentDepthMax, documentBytesMax, pointerCharsMax, pointerCharsInAllMax } = LIMITS;
  const visit = (value: unknown, pointer: string, depth: number): boolean => {
    if (++nodes > documentNodesMax) return fails(report, "#", `has over ${documentNodesMax} elements`);
    if (depth > documentDepthMax) return fails(report, pointer, `is over ${documentDepthMax} levels deep`);
    if (typeof value === "string") {
      chars += value.length;
      if (chars > documentBytesMax)
        return fails(report, "#", `has over ${documentBytesMax} characters, aliases unfolded`);
      return isText(value) || fails(report, pointer, UNUSABLE);
    }
    if (typeof value !== "object" || value === null) return true;
    return Object.entries(value).every(([key, child]) => {
      if (!isText(key)) return fails(report, pointer, UNUSABLE);
      const below = pointerTo(pointer, key);
      if (below.length > pointerCharsMax)
        return fails(report, pointer, `has a name of ${key.length} characters, too long for where it stands`);
      pointerChars += below.length;
      if (pointerChars > pointerCharsInAllMax)
        return fails(report, "#", `has over ${pointerCharsInAllMax} characters in the names of all elements`);
      return visit(child, below, depth + 1);
    });
  };
  visit(root, "#", 0);
}

const UNUSABLE = "holds the character NUL or half a surrogate pair";

function isText(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

function fails(report: ImportReport, pointer: string, description: string): false {
  report.fault(pointer, description);
  return false;
}
