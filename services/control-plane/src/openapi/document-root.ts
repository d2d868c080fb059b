import { BACKEND_EXTENSION } from "./backend-extension.ts";
import { isObject, type JsonObject } from "./document.ts";
import { type ImportReport, PLATFORM_EXTENSION, pointerTo } from "./report.ts";

const ROOT_CARRIED = new Set([
  ...["openapi", "swagger", "info", "paths", "components", "definitions", "parameters", "responses", "basePath"],
  ...["consumes", "produces", "tags", "jsonSchemaDialect", "servers", "security", BACKEND_EXTENSION],
]);

/** Says what of the document itself is not carried. */
export function readRoot(root: JsonObject, report: ImportReport): void {
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
export function readBasePath({ basePath }: JsonObject, prefix: string, report: ImportReport): string {
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
