import { LIMITS } from "../limits.ts";
import { Violations } from "../requests/violations.ts";

export interface Project {
  id: string;
  displayName: string;
  /** Rises with every change. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

export function checkDisplayName(displayName: string): void {
  const violations = new Violations();
  violations.text(displayName, "display_name", LIMITS.displayNameCharsMax);
  violations.throwIfAny();
}
