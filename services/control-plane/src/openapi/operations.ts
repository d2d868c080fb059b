import type { ApiDraft } from "../apis/api-draft.ts";
import { LIMITS, QUOTAS } from "../limits.ts";
import { checkQuota } from "../requests/refusals.ts";
import { BACKEND_EXTENSION, readBackendExtension } from "./backend-extension.ts";
import { BACKEND_REQUEST_EXTENSION, readBackendRequestExtension } from "./backend-request-extension.ts";
import { readRequestBody } from "./bodies.ts";
import { isObject, type JsonObject, type OpenApiDocument } from "./document.ts";
import { nameOperations } from "./operation-names.ts";
import { flagOf, locateParameters, readParameters, textOf } from "./parameters.ts";
import { PATH_EXTENSION, renamedAlong, routeIn } from "./path-items.ts";
import { type Located, References } from "./references.ts";
import { type ImportReport, PLATFORM_EXTENSION, pointerTo } from "./report.ts";
import { readResponses } from "./responses.ts";
import { SchemaTexts } from "./schema-text.ts";
import { dropUnusedTypes, readRequestBody20 } from "./swagger.ts";
import type { Tools } from "./tools.ts";

/** An operation of a document as an API. */
export interface Operation {
  id: string;
  pointer: string;
  draft: ApiDraft;
  /** Where its backend is said; undefined when it has none of its own. */
  backendPointer: string | undefined;
}

interface Found {
  method: string;
  path: string;
  operation: Located;
  pathItem: Located;
}

const METHODS = ["get", "head", "post", "put", "patch", "delete", "options"] as const;
const ROOT_CARRIED = new Set([
  ...["openapi", "swagger", "info", "paths", "components", "definitions", "parameters", "responses", "basePath"],
  ...["consumes", "produces", "tags", "jsonSchemaDialect", "servers", "security", BACKEND_EXTENSION],
]);
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
  readRoot(root, report);
  const base = readBasePath(root, prefix, report);
  const found = findOperations(tools);
  const names = nameOperations(found, report);
  const operations = found.map((each, i) => readOperation(each, { id: names[i]!, base, project, tools }));
  dropUnused(found, tools);
  return operations;
}

function readRoot(root: JsonObject, report: ImportReport): void {
  report.dropRest(root, "#", ROOT_CARRIED);
  if (root.info !== undefined) {
    report.change("#/info", "a group has a name, a description and revisions of its own, and says those when exported");
  }
  for (const key of ["servers", "security"] as const) {
    const parts = root[key];
    const isOwn = Array.isArray(parts) && parts.every((part) => isPlatformPart(root, key, part));
    if (parts !== undefined && !isOwn) report.drop(pointerTo("#", key));
  }
}

/** What an export has written itself. */
function isPlatformPart({ components }: JsonObject, key: "servers" | "security", part: unknown): boolean {
  if (!isObject(part)) return false;
  if (key === "servers") return part[PLATFORM_EXTENSION] === true;
  const schemes = isObject(components) && isObject(components.securitySchemes) ? components.securitySchemes : {};
  return Object.keys(part).every((name) => {
    const scheme = schemes[name];
    return isObject(scheme) && scheme[PLATFORM_EXTENSION] === true;
  });
}

/** What comes before every path: OpenAPI 2.0's base path, unless the group's prefix is that already. */
function readBasePath({ basePath }: JsonObject, prefix: string, report: ImportReport): string {
  if (basePath === undefined) return "";
  if (typeof basePath !== "string" || !(basePath === "" || basePath.startsWith("/"))) {
    report.fault("#/basePath", "must be a path");
    return "";
  }
  const base = basePath.replace(/\/+$/, "");
  if (base === "" || base === `/${prefix}`) return "";
  report.change("#/basePath", `every path begins with ${base}`, "or make it the group's prefix, and import again");
  return base;
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
  const line = textOf(value, "summary", pointer, report)
    .trim()
    .replaceAll(/\s*[\r\n]+\s*/g, " ");
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

/** What stands somewhere for operations to use, and none has. */
function dropUnused(found: readonly Found[], tools: Tools): void {
  const { document, references, report } = tools;
  const { root } = document;
  if (root.components !== undefined) dropUnusedIn(root.components, "#/components", tools);
  if (document.version === "2.0") {
    for (const key of ["definitions", "parameters", "responses"]) {
      if (root[key] !== undefined) dropUnusedIn(root[key], `#/${key}`, tools);
    }
    dropUnusedTypes({ value: root, pointer: "#" }, ["consumes", "produces"], tools);
  }
  const items = new Map(found.map(({ pathItem }) => [pathItem.pointer, pathItem]));
  for (const [path, item] of Object.entries(root.paths as object)) {
    const pointer = pointerTo("#/paths", path);
    if (isObject(item) && !items.has(pointer)) items.set(pointer, { value: item, pointer });
  }
  for (const { value, pointer } of [...items.values(), { value: root, pointer: "#" }]) {
    const at = pointerTo(pointer, BACKEND_EXTENSION);
    if (value[BACKEND_EXTENSION] !== undefined && !references.isUsed(at)) report.drop(at, "every API has a nearer one");
    if (pointer !== "#" && Array.isArray(value.parameters)) dropUnusedParameters(value.parameters, pointer, tools);
  }
  dropUnusedTags(found, root, report);
}

function dropUnusedIn(value: unknown, pointer: string, { references, report }: Tools): void {
  if (!isObject(value)) {
    report.fault(pointer, "must be an object");
    return;
  }
  for (const [key, child] of Object.entries(value)) references.dropUnused(child, pointerTo(pointer, key));
}

function dropUnusedParameters(parameters: readonly unknown[], pointer: string, { references, report }: Tools): void {
  parameters.forEach((parameter, i) => {
    const at = pointerTo(pointerTo(pointer, "parameters"), i);
    const isReference = isObject(parameter) && parameter.$ref !== undefined;
    if (!isReference && !references.isUsed(at))
      report.drop(at, "every operation of the path has its own, or there is none");
  });
}

/** Names of tags are carried with the APIs that have them; what else a document says of tags is not. */
function dropUnusedTags(found: readonly Found[], { tags }: JsonObject, report: ImportReport): void {
  if (tags === undefined) return;
  if (!Array.isArray(tags)) {
    report.fault("#/tags", "must be a list");
    return;
  }
  const used = new Set(found.flatMap(({ operation }) => operation.value.tags as unknown[] | undefined));
  tags.forEach((tag, i) => {
    const at = pointerTo("#/tags", i);
    if (!isObject(tag) || !used.has(tag.name)) report.drop(at, "no API has this tag");
    else report.dropRest(tag, at, new Set(["name"]));
  });
}
