import { type FieldViolation, invalidFields } from "@millrace/errors";
import { LIMITS } from "../limits.ts";

/** Collects the faults of a request, so that one answer names them all. */
export class Violations {
  readonly #found: FieldViolation[] = [];

  add(field: string, description: string): void {
    this.#found.push({ field, description });
  }

  /** Adds the fault unless `valid`. */
  unless(valid: boolean, field: string, description: string): void {
    if (!valid) this.add(field, description);
  }

  /** Adds a fault when the text is too long, or holds the NUL that PostgreSQL's text cannot. */
  text(value: string, field: string, charsMax: number): void {
    this.unless(!value.includes("\0"), field, "must not hold the character NUL");
    this.unless(value.length <= charsMax, field, `must have at most ${charsMax} characters`);
  }

  get found(): readonly FieldViolation[] {
    return this.#found;
  }

  /** Throws `invalid_argument` request_invalid when there are any. */
  throwIfAny(): void {
    if (this.#found.length > 0) throw invalidFields(this.#found);
  }
}

export function checkDescription(value: string | undefined, field = "description"): void {
  const violations = new Violations();
  violations.text(value ?? "", field, LIMITS.descriptionCharsMax);
  violations.throwIfAny();
}

export function checkSearch(value: string): void {
  const violations = new Violations();
  violations.text(value, "search", LIMITS.searchCharsMax);
  violations.throwIfAny();
}

/** The first names of a list, for a message. */
export function someOf(names: readonly string[]): string {
  const shown = names.slice(0, LIMITS.namesInMessageMax).join(", ");
  const rest = names.length - LIMITS.namesInMessageMax;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}
