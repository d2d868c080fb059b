import { BACKEND_EXTENSION } from "./backend-extension.ts";
import { isObject, type JsonObject } from "./document.ts";
import type { Found } from "./operations.ts";
import { type ImportReport, pointerTo } from "./report.ts";
import { dropUnusedTypes } from "./swagger.ts";
import type { Tools } from "./tools.ts";

/** What stands somewhere for operations to use, and none has. */
export function dropUnused(found: readonly Found[], tools: Tools): void {
  const { document, references, report } = tools;
  const { root } = document;
  if (document.version !== "2.0" && root.components !== undefined) dropUnusedIn(root.components, "#/components", tools);
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
