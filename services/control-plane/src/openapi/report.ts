import { PlatformError } from "@millrace/errors";
import { LIMITS } from "../limits.ts";

/** What is wrong with a document, and what of it could not be carried, each with its pointer. */
export class ImportReport {
  readonly #faults: { field: string; description: string }[] = [];
  readonly #notCarried = new Set<string>();
  #more = 0;

  fault(pointer: string, description: string): void {
    if (this.#faults.length < LIMITS.documentFaultsMax) this.#faults.push({ field: pointer, description });
  }

  drop(pointer: string): void {
    if (this.#notCarried.size < LIMITS.notCarriedMax) this.#notCarried.add(pointer);
    else this.#more++;
  }

  /** Drops every key of `object` that is not among `carried`. */
  dropRest(object: Readonly<Record<string, unknown>>, pointer: string, carried: ReadonlySet<string>): void {
    for (const key of Object.keys(object)) if (!carried.has(key)) this.drop(pointerTo(pointer, key));
  }

  get notCarried(): string[] {
    return [...this.#notCarried, ...(this.#more > 0 ? [`and ${this.#more} more`] : [])];
  }

  /** Throws `invalid_argument` document_invalid when there is a fault. */
  throwIfFaulty(): void {
    if (this.#faults.length === 0) return;
    const message = this.#faults.map(({ field, description }) => `${field}: ${description}`).join("; ");
    throw new PlatformError("invalid_argument", message, { reason: "document_invalid", violations: this.#faults });
  }
}

/** The pointer (RFC 6901, as a fragment) of a key of what `pointer` names. */
export function pointerTo(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
