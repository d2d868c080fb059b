import { BACKEND_EXTENSION } from "./backend-extension.ts";
import { isObject, type JsonObject, type OpenApiDocument } from "./document.ts";
import type { OpenApiVersion } from "./modern-schema.ts";
import { type ImportReport, PLATFORM_EXTENSION, pointerTo } from "./report.ts";

const CARRIED = ["info", "paths", "tags", "servers", "security", BACKEND_EXTENSION];
const ROOT_CARRIED: Readonly<Record<OpenApiVersion, ReadonlySet<string>>> = {
  "2.0": new Set([
    ...[...CARRIED, "swagger", "definitions", "parameters", "responses"],
    ...["basePath", "consumes", "produces"],
  ]),
  "3.0": new Set([...CARRIED, "openapi", "components"]),
  "3.1": new Set([...CARRIED, "openapi", "components", "jsonSchemaDialect"]),
};

/** Says what of the document itself is not carried. */
export function readRoot({ root, version }: OpenApiDocument, report: ImportReport): void {
  report.dropRest(root, "#", ROOT_CARRIED[version]);
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
  const names = Object.keys(part);
  return (
    names.length > 0 &&
    names.every((name) => {
      const scheme = schemes[name];
      return isObject(scheme) && scheme[PLATFORM_EXTENSION] === true;
    })
  );
}

/** What comes before every path: OpenAPI 2.0's base path, unless the group's prefix is that already. */
export function readBasePath({ root, version }: OpenApiDocument, prefix: string, report: ImportReport): string {
  const { basePath } = root;
  if (version !== "2.0" || basePath === undefined) return "";
  if (typeof basePath !== "string" || !(basePath === "" || basePath.startsWith("/"))) {
    report.fault("#/basePath", "must be a path");
    return "";
  }
  const base = basePath.replace(/(?<!\/)\/+$/, "");
  if (base === "" || base === `/${prefix}`) return "";
  report.change("#/basePath", `every path begins with ${base}`, "or make it the group's prefix, and import again");
  return base;
}
