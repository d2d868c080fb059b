import { LIMITS } from "../limits.ts";
import { isObject, type JsonObject } from "./document.ts";
import type { ImportReport } from "./report.ts";

/** Something of the document and where it really is, once its references are followed. */
export interface Located {
  value: JsonObject;
  pointer: string;
}

/** Follows `$ref` of parameters, bodies, responses and path items inside the document. */
export class References {
  readonly #root: JsonObject;
  readonly #report: ImportReport;

  constructor(root: JsonObject, report: ImportReport) {
    this.#root = root;
    this.#report = report;
  }

  /** The object itself, or what it refers to; undefined, and a fault, when that is nowhere or outside the document. */
  follow(value: unknown, pointer: string): Located | undefined {
    let at: { value: unknown; pointer: string } = { value, pointer };
    for (let depth = 0; depth < LIMITS.referenceDepthMax; depth++) {
      if (!isObject(at.value)) {
        this.#report.fault(at.pointer, "must be an object");
        return undefined;
      }
      const { $ref } = at.value;
      if ($ref === undefined) return { value: at.value, pointer: at.pointer };
      const target = this.resolve($ref, at.pointer);
      if (target === undefined) return undefined;
      at = { value: target, pointer: $ref as string };
    }
    this.#report.fault(pointer, "refers in a circle");
    return undefined;
  }

  /** What a `$ref` names. */
  resolve($ref: unknown, pointer: string): unknown {
    if (typeof $ref !== "string" || !$ref.startsWith("#/")) {
      const what = typeof $ref === "string" ? $ref.slice(0, 200) : "it";
      this.#report.fault(
        `${pointer}/$ref`,
        `${what} is outside the document; only references such as #/… are followed`,
      );
      return undefined;
    }
    let value: unknown = this.#root;
    for (const part of $ref.slice(2).split("/")) {
      const key = unescaped(part);
      const within = typeof value === "object" && value !== null && key !== undefined && Object.hasOwn(value, key);
      if (!within) {
        this.#report.fault(`${pointer}/$ref`, `${$ref.slice(0, 200)} does not exist`);
        return undefined;
      }
      value = (value as JsonObject)[key];
    }
    return value;
  }
}

/** A segment of a pointer that came as a fragment; undefined when its percent-encoding is broken. */
function unescaped(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return undefined;
  }
}
