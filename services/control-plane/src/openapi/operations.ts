import type { ApiDraft } from "../apis/api-draft.ts";
import { LIMITS, QUOTAS } from "../limits.ts";
import { checkQuota } from "../requests/refusals.ts";
import { BACKEND_EXTENSION, readBackendExtension } from "./backend-extension.ts";
import { BACKEND_REQUEST_EXTENSION, readBackendRequestExtension } from "./backend-request-extension.ts";
import { readRequestBody } from "./bodies.ts";
import { isObject, type OpenApiDocument } from "./document.ts";
import { readBasePath, readRoot } from "./document-root.ts";
import { nameOperations } from "./operation-names.ts";
import { flagOf, locateParameters, readParameters, textOf } from "./parameters.ts";
import { PATH_EXTENSION, renamedAlong, routeIn } from "./path-items.ts";
import { type Located, References } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";
import { readResponses } from "./responses.ts";
import { SchemaTexts } from "./schema-text.ts";
import { dropUnusedTypes, readRequestBody20 } from "./swagger.ts";
import type { Tools } from "./tools.ts";
import { dropUnused } from "./unused-parts.ts";

/** An operation of a document as an API. */
export interface Operation {
  id: string;
  pointer: string;
  draft: ApiDraft;
  /** Where its backend is said; undefined when it has none of its own. */
  backendPointer: string | undefined;
}

export interface Found {
  method: string;
  path: string;
  operation: Located;
  pathItem: Located;
}

const METHODS = ["get", "head", "post", "put", "patch", "delete", "options"] as const;
const PATH_CARRIED = new Set<string>([...METHODS, "parameters", "$ref", BACKEND_EXTENSION]);
/** `exact`, or `prefix` for an operation that answers everything below its path too. */
export const MATCH_EXTENSION = "x-millrace-match";
const OPERATION_CARRIED = new Set([
  ...["operationId", "summary", "description", "tags", "deprecated", "parameters", "requestBody", "responses"],
  ...[BACKEND_EXTENSION, BACKEND_REQUEST_EXTENSION, MATCH_EXTENSION, PATH_EXTENSION],
]);
const OPERATION_CARRIED_20 = new Set(
  [...OPERATION_CARRIED, "consumes", "produces"].filter((key) => key !== "requestBody"),
);

/** Every operation of the document, in its order. Faults, and what is not carried as it stands, go to the report. */
export function readOperations(
  document: OpenApiDocument,
  { project, prefix }: { project: string; prefix: string },
  report: ImportReport,
): Operation[] {
  const { root } = document;
  const references = new References(root, report);
  const tools = { document, references, schemas: new SchemaTexts(document, references, report), report };
  readRoot(document, report);
  const base = readBasePath(document, prefix, report);
  const found = findOperations(tools);
  const names = nameOperations(found, report);
  const operations = found.map((each, i) => readOperation(each, { id: names[i]!, base, project, tools }));
  dropUnused(found, tools);
  return operations;
}

function findOperations({ document, references, report }: Tools): Found[] {
  const found: Found[] = [];
  for (const [path, item] of Object.entries(document.root.paths as object)) {
    const pointer = pointerTo("#/paths", path);
    if (path.startsWith("x-")) {
      report.drop(pointer, "it is an extension of somebody else's");
      continue;
    }
    const pathItem = references.follow(item, pointer);
    if (!pathItem) continue;
    report.dropRest(pathItem.value, pathItem.pointer, PATH_CARRIED);
    if (METHODS.every((method) => pathItem.value[method] === undefined)) report.drop(pointer, "it has no operation");
    for (const method of METHODS) {
      const value = pathItem.value[method];
      const at = pointerTo(pathItem.pointer, method);
      if (isObject(value)) {
        // Before any of them is read: paths may refer to one and the same.
        checkQuota("apis", found.length, QUOTAS.apisPerRevision);
        found.push({ method, path, operation: { value, pointer: at }, pathItem });
      }
      if (value !== undefined && !isObject(value)) report.fault(at, "must be an object");
    }
  }
  return found;
}

function readOperation(
  { method, path, operation, pathItem }: Found,
  { id, base, project, tools }: { id: string; base: string; project: string; tools: Tools },
): Operation {
  const { document, references, report } = tools;
  const { value, pointer } = operation;
  const is20 = document.version === "2.0";
  report.dropRest(value, pointer, is20 ? OPERATION_CARRIED_20 : OPERATION_CARRIED);
  const backend = readBackendExtension([operation, pathItem, { value: document.root, pointer: "#" }], project, report);
  if (backend) references.use(backend.pointer);
  const located = locateParameters([pathItem, operation], tools);
  const parameters = is20 ? located.filter(({ value }) => !["body", "formData"].includes(String(value.in))) : located;
  const route = readRoute(path, operation, report);
  const draft = {
    method: method.toUpperCase(),
    path: base === "" ? route.path : base + (route.path === "/" ? "" : route.path),
    match: route.match,
    summary: readSummary(operation, id, report),
    description: textOf(value, "description", pointer, report),
    tags: readTags(operation, report),
    deprecated: flagOf(value, "deprecated", pointer, report),
    parameters: readParameters(parameters, tools).map((parameter) => ({
      ...parameter,
      name: parameter.location === "path" ? (route.renamed.get(parameter.name) ?? parameter.name) : parameter.name,
    })),
    requestBody: is20 ? readRequestBody20(operation, located, tools) : readRequestBody(operation, tools),
    ...readResponses(operation, tools),
    backend: backend?.draft,
    backendRequest: readBackendRequestExtension(operation, report),
  };
  if (is20) dropUnusedTypes(operation, ["produces"], tools);
  return { id, pointer, backendPointer: backend?.pointer, draft };
}

/** The path and match of an operation, and what parameters of the path are called there. */
function readRoute(written: string, { value, pointer }: Located, report: ImportReport) {
  const { path, isPrefix } = routeIn(written);
  const said = value[MATCH_EXTENSION];
  const match = said === undefined ? (isPrefix ? "prefix" : "exact") : String(said);
  const own = value[PATH_EXTENSION];
  if (own === undefined) return { path, match, renamed: new Map<string, string>() };
  const renamed = typeof own === "string" ? renamedAlong(path, own) : undefined;
  if (!renamed) report.fault(pointerTo(pointer, PATH_EXTENSION), `must be ${path} with other names of its parameters`);
  return { path: String(own), match, renamed: renamed ?? new Map<string, string>() };
}

/** One line; an export writes the id where there is none. */
function readSummary({ value, pointer }: Located, id: string, report: ImportReport): string {
  const lines = textOf(value, "summary", pointer, report).split(/[\r\n]/);
  const line = lines.flatMap((text) => text.trim() || []).join(" ");
  return line === id ? "" : line;
}

function readTags({ value, pointer }: Located, report: ImportReport): string[] {
  const { tags } = value;
  if (tags === undefined) return [];
  const at = pointerTo(pointer, "tags");
  if (Array.isArray(tags) && tags.length > LIMITS.tagsMax) {
    report.fault(at, `must be at most ${LIMITS.tagsMax}`);
    return [];
  }
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === "string")) {
    tags.forEach((tag, i) => {
      if (tags.indexOf(tag) !== i) report.change(pointerTo(at, i), "it stands there twice");
    });
    return [...new Set(tags)];
  }
  report.fault(at, "must be a list of texts");
  return [];
}
