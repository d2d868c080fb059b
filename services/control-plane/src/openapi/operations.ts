import type { ApiDraft } from "../apis/api-draft.ts";
import { BACKEND_EXTENSION, readBackendExtension } from "./backend-extension.ts";
import { readRequestBody, readResponseBody } from "./bodies.ts";
import { isObject, type OpenApiDocument } from "./document.ts";
import { readParameters } from "./parameters.ts";
import { type Located, References } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";
import { SchemaTexts } from "./schema-text.ts";

/** An operation of a document as an API. */
export interface Operation {
  id: string;
  pointer: string;
  draft: ApiDraft;
  /** Where its backend is said; undefined when it has none of its own. */
  backendPointer: string | undefined;
}

const METHODS = ["get", "head", "post", "put", "patch", "delete", "options"] as const;
/** What a document says of itself, and what its parts are made of. */
const ROOT_CARRIED = new Set(["openapi", "info", "paths", "components", "jsonSchemaDialect", BACKEND_EXTENSION]);
const PATH_CARRIED = new Set<string>([...METHODS, "parameters", BACKEND_EXTENSION]);
const OPERATION_CARRIED = new Set([
  "operationId",
  "description",
  "parameters",
  "requestBody",
  "responses",
  BACKEND_EXTENSION,
]);
/** `exact`, or `prefix` for an operation that answers everything below its path too. */
const MATCH_EXTENSION = "x-millrace-match";
const ID = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const ID_CHARS_MAX = 64;

/** Every operation of the document, in its order. Faults and what is dropped go to the report. */
export function readOperations(document: OpenApiDocument, project: string, report: ImportReport): Operation[] {
  const { root } = document;
  report.dropRest(root, "#", ROOT_CARRIED);
  const references = new References(root, report);
  const schemas = new SchemaTexts(document, references, report);
  const tools = { references, schemas, report };
  const names = new OperationNames(report);
  const operations: Operation[] = [];
  for (const [path, item] of Object.entries(root.paths as object)) {
    if (path.startsWith("x-")) continue;
    const pathItem = references.follow(item, pointerTo("#/paths", path));
    if (!pathItem) continue;
    report.dropRest(pathItem.value, pathItem.pointer, PATH_CARRIED);
    for (const method of METHODS) {
      const value = pathItem.value[method];
      if (value === undefined) continue;
      const pointer = pointerTo(pathItem.pointer, method);
      if (!isObject(value)) {
        report.fault(pointer, "must be an object");
        continue;
      }
      operations.push(readOperation({ method, path, operation: { value, pointer }, pathItem }));
    }
  }
  return operations;

  function readOperation(found: { method: string; path: string; operation: Located; pathItem: Located }): Operation {
    const { method, path, operation, pathItem } = found;
    const { value, pointer } = operation;
    dropRestOf(operation, report);
    const backend = readBackendExtension([operation, pathItem, { value: root, pointer: "#" }], project, report);
    return {
      id: names.nameOf(value.operationId, method + path, pointer),
      pointer,
      backendPointer: backend?.pointer,
      draft: {
        method: method.toUpperCase(),
        path,
        match: value[MATCH_EXTENSION] === undefined ? "exact" : String(value[MATCH_EXTENSION]),
        description: descriptionOf(operation),
        parameters: readParameters([pathItem, operation], tools),
        requestBody: readRequestBody(operation, tools),
        responseBody: readResponseBody(operation, tools),
        backend: backend?.draft,
      },
    };
  }
}

/** A summary is carried where there is no description. */
function descriptionOf({ value: { description, summary } }: Located): string {
  if (typeof description === "string") return description;
  return typeof summary === "string" ? summary : "";
}

function dropRestOf({ value, pointer }: Located, report: ImportReport): void {
  const { summary, [MATCH_EXTENSION]: _match, ...rest } = value;
  report.dropRest(rest, pointer, OPERATION_CARRIED);
  if (summary !== undefined && typeof value.description === "string") report.drop(pointerTo(pointer, "summary"));
}

/** Gives every operation an id of its own. */
class OperationNames {
  readonly #taken = new Map<string, string>();
  readonly #report: ImportReport;

  constructor(report: ImportReport) {
    this.#report = report;
  }

  nameOf(operationId: unknown, otherwise: string, pointer: string): string {
    if (operationId === undefined) return this.#free(idFrom(otherwise), pointer);
    if (typeof operationId !== "string" || operationId === "") {
      this.#report.fault(pointerTo(pointer, "operationId"), "must be a text");
      return this.#free(idFrom(otherwise), pointer);
    }
    const id = ID.test(operationId) ? operationId : idFrom(operationId);
    if (id !== operationId) this.#report.drop(pointerTo(pointer, "operationId"));
    const other = this.#taken.get(id);
    if (other !== undefined) this.#report.fault(pointerTo(pointer, "operationId"), `${id} is also the id of ${other}`);
    this.#taken.set(id, pointer);
    return id;
  }

  #free(id: string, pointer: string): string {
    let free = id;
    for (let n = 2; this.#taken.has(free); n++) free = `${id.slice(0, ID_CHARS_MAX - 5)}_${n}`;
    this.#taken.set(free, pointer);
    return free;
  }
}

function idFrom(text: string): string {
  const words = text.replaceAll(/[^A-Za-z0-9_-]+/g, "_").replaceAll(/^[^A-Za-z]+|_+$/g, "");
  return (words || "operation").slice(0, ID_CHARS_MAX);
}
