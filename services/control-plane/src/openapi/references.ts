import { LIMITS } from "../limits.ts";
import { isObject, type JsonObject } from "./document.ts";
import { type ImportReport, PLATFORM_EXTENSION, pointerTo } from "./report.ts";

/** Something of the document and where it really is, once its references are followed. */
export interface Located {
  value: JsonObject;
  pointer: string;
}

const REFERENCE = new Set(["$ref"]);

/** Follows `$ref`s inside the document, and remembers what they led to. */
export class References {
  readonly #root: JsonObject;
  readonly #report: ImportReport;
  /** Pointers of what was referred to, and of what that is in. */
  readonly #used = new Set<string>();
  readonly #holders = new Set<string>();

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
      this.#report.dropRest(at.value, at.pointer, REFERENCE);
      const target = this.resolve($ref, at.pointer);
      if (target === undefined) return undefined;
      at = target;
    }
    this.#report.fault(pointer, "refers in a circle");
    return undefined;
  }

  /** What a `$ref` names, and where that is. */
  resolve($ref: unknown, pointer: string): { value: unknown; pointer: string } | undefined {
    if (typeof $ref !== "string" || !($ref === "#" || $ref.startsWith("#/"))) {
      const what = typeof $ref === "string" ? $ref.slice(0, 200) : "it";
      this.#report.fault(
        `${pointer}/$ref`,
        `${what} is outside the document; only references such as #/… are followed; bundle the document into one`,
      );
      return undefined;
    }
    let at: { value: unknown; pointer: string } = { value: this.#root, pointer: "#" };
    const holders: string[] = [];
    for (const part of $ref.split("/").slice(1)) {
      const key = unescaped(part);
      const { value } = at;
      const within = typeof value === "object" && value !== null && key !== undefined && Object.hasOwn(value, key);
      if (!within) {
        this.#report.fault(`${pointer}/$ref`, `${$ref.slice(0, 200)} does not exist`);
        return undefined;
      }
      holders.push(at.pointer);
      at = { value: (value as JsonObject)[key], pointer: pointerTo(at.pointer, key) };
    }
    this.use(at.pointer);
    for (const holder of holders) this.#holders.add(holder);
    return at;
  }

  /** Remembers that what the pointer names is carried. */
  use(pointer: string): void {
    this.#used.add(pointer);
  }

  isUsed(pointer: string): boolean {
    return this.#used.has(pointer);
  }

  /** Drops what nothing has referred to of what is there for that only. */
  dropUnused(value: unknown, pointer: string): void {
    if (this.#used.has(pointer)) return;
    if (isObject(value) && value[PLATFORM_EXTENSION] === true) return;
    if (isObject(value) && (this.#holders.has(pointer) || holdsPlatformParts(value))) {
      for (const [key, child] of Object.entries(value)) this.dropUnused(child, pointerTo(pointer, key));
      return;
    }
    if (/\/(?:securitySchemes|securityDefinitions|callbacks|links|headers|examples)$/.test(pointer)) {
      this.#report.drop(pointer);
    } else this.#report.drop(pointer, "no API refers to it");
  }
}

function holdsPlatformParts(value: JsonObject): boolean {
  return Object.values(value).some(
    (child) => isObject(child) && (child[PLATFORM_EXTENSION] === true || holdsPlatformPart(child)),
  );
}

function holdsPlatformPart(value: JsonObject): boolean {
  return Object.values(value).some((child) => isObject(child) && child[PLATFORM_EXTENSION] === true);
}

/** A segment of a pointer that came as a fragment; undefined when its percent-encoding is broken. */
function unescaped(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return undefined;
  }
}
