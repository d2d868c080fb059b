import { PlatformError } from "@millrace/errors";
import { LIMITS } from "../limits.ts";
import { remarkOn } from "./remark-texts.ts";

/** What of a document is not in the APIs, or not as it stands there. It speaks for everything below its pointer. */
export interface Remark {
  pointer: string;
  outcome: "not-carried" | "changed";
  what: string;
  /** Empty when nothing needs to be done. */
  advice: string;
}

/** Marks what an export adds of its own: an import passes over it. */
export const PLATFORM_EXTENSION = "x-millrace-platform";

/** What is wrong with a document, and what of it could not be carried, each with its pointer. */
export class ImportReport {
  readonly #group: string;
  readonly #faults: { field: string; description: string }[] = [];
  readonly #remarks = new Map<string, Remark>();
  readonly #more = new Set<string>();

  /** `group` is the id that advice names. */
  constructor(group: string) {
    this.#group = group;
  }

  /** The same one is told once, however many refer to where it is. */
  fault(pointer: string, description: string): void {
    if (this.#faults.length >= LIMITS.documentFaultsMax) return;
    const isKnown = this.#faults.some((fault) => fault.field === pointer && fault.description === description);
    if (!isKnown) this.#faults.push({ field: pointer, description });
  }

  /** Says that nothing of an element is carried. Without a text of its own, the element's key says why. */
  drop(pointer: string, what?: string, advice = ""): void {
    const key = pointer.slice(pointer.lastIndexOf("/") + 1);
    const text = what === undefined ? remarkOn(key, this.#group) : { what, advice };
    this.#add({ pointer, outcome: "not-carried", ...text });
  }

  /** Says that an element is carried in another form. */
  change(pointer: string, what: string, advice = ""): void {
    this.#add({ pointer, outcome: "changed", what, advice });
  }

  /** Drops every key of `object` that is not among `carried`. */
  dropRest(object: Readonly<Record<string, unknown>>, pointer: string, carried: ReadonlySet<string>): void {
    for (const key of Object.keys(object)) if (!carried.has(key)) this.drop(pointerTo(pointer, key));
  }

  get remarks(): Remark[] {
    return [...this.#remarks.values()];
  }

  /** How many there are beyond those. */
  get moreRemarks(): number {
    return this.#more.size;
  }

  get isFaulty(): boolean {
    return this.#faults.length > 0;
  }

  /** Throws `invalid_argument` document_invalid when there is a fault. */
  throwIfFaulty(): void {
    if (this.#faults.length === 0) return;
    const message = this.#faults.map(({ field, description }) => `${field}: ${description}`).join("; ");
    throw new PlatformError("invalid_argument", message, { reason: "document_invalid", violations: this.#faults });
  }

  #add(remark: Remark): void {
    if (this.#remarks.has(remark.pointer)) return;
    if (this.#remarks.size < LIMITS.remarksMax) this.#remarks.set(remark.pointer, remark);
    else this.#more.add(remark.pointer);
  }
}

/** The pointer (RFC 6901, as a fragment) of a key of what `pointer` names. */
export function pointerTo(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
