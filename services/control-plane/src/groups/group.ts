import { LIMITS } from "../limits.ts";
import { checkDescription, Violations } from "../requests/violations.ts";

export type AccessMode = "none" | "authorized";

/** Of a list: what is empty or undefined asks for nothing. */
export interface GroupFilter {
  search: string;
  /** Served somewhere, or nowhere. */
  deployed: boolean | undefined;
}

export interface Group {
  /** The first label of its hosts, made once. */
  label: string;
  project: string;
  id: string;
  description: string;
  /** Path prefix of its APIs without slashes; empty for none. */
  prefix: string;
  access: AccessMode;
  /** Rises with every change. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

const PREFIX = /^[A-Za-z0-9_.-]*$/;

export function checkGroup({ description, prefix }: { description: string; prefix: string }): void {
  checkDescription(description);
  const violations = new Violations();
  const dots = prefix === "." || prefix === "..";
  violations.unless(
    PREFIX.test(prefix) && prefix.length <= LIMITS.prefixCharsMax && !dots,
    "prefix",
    `must be at most ${LIMITS.prefixCharsMax} of letters, digits, _, - and ., and neither . nor ..`,
  );
  violations.throwIfAny();
}
