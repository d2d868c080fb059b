import type { ApiDefinition } from "../apis/api.ts";
import type { JsonObject } from "./document.ts";

// Paths of a document. OpenAPI takes two paths that differ only in what their parameters are called for one: the first gives its name, and
// operations of the others say by x-millrace-path how theirs is written. A prefix ends in `/*`.

export const PATH_EXTENSION = "x-millrace-path";

type Route = Pick<ApiDefinition, "path" | "match">;

export class PathItems {
  readonly #items = new Map<string, Record<string, unknown>>();
  readonly #byShape = new Map<string, string>();

  /** The path under which an API stands. */
  place(route: Route): string {
    const path = documentPath(route);
    const shape = path.replaceAll(/\{[^{}]+\}/g, "{}");
    const placed = this.#byShape.get(shape) ?? path;
    this.#byShape.set(shape, placed);
    return placed;
  }

  add(path: string, method: string, operation: JsonObject): void {
    const item = this.#items.get(path) ?? {};
    item[method.toLowerCase()] = operation;
    this.#items.set(path, item);
  }

  all(): JsonObject {
    return Object.fromEntries([...this.#items].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** How the path of an API is written in a document. */
export function documentPath({ path, match }: Route): string {
  return match === "prefix" ? `${path === "/" ? "" : path}/*` : path;
}

/** The path and match that a path of a document means. */
export function routeIn(path: string): { path: string; isPrefix: boolean } {
  return path.endsWith("/*") ? { path: path.slice(0, -2) || "/", isPrefix: true } : { path, isPrefix: false };
}

/** New names of a path's parameters when an operation writes its path in another way; undefined when it is another path. */
export function renamedAlong(path: string, own: string): ReadonlyMap<string, string> | undefined {
  const shapeOf = (text: string) => text.replaceAll(/\{[^{}]+\}/g, "{}");
  if (shapeOf(path) !== shapeOf(own)) return undefined;
  const names = (text: string) => [...text.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name!);
  const wanted = names(own);
  return new Map(names(path).map((name, i) => [name, wanted[i]!]));
}
