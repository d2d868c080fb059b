import { BUILD_LIMITS } from "../limits.ts";

// What the build program tells the supervisor. The program reads what strangers uploaded, so its words are checked like theirs.

export type FaultReason = "code_invalid" | "archive_refused" | "upload_too_large";

export interface Finding {
  /** As in the upload; empty when the fault is in no file. */
  file: string;
  /** From 1; 0 when unknown. */
  line: number;
  column: number;
  message: string;
}

export interface BuildFault {
  reason: FaultReason;
  findings: Finding[];
}

/** The upload cannot be built; it is the provider's to mend. */
export class BuildRefused extends Error {
  override readonly name = "BuildRefused";
  readonly fault: BuildFault;

  constructor(reason: FaultReason, findings: Finding[]) {
    super(findings.map(({ message }) => message).join("; "));
    this.fault = { reason, findings };
  }

  static of(reason: FaultReason, file: string, message: string): BuildRefused {
    return new BuildRefused(reason, [{ file, line: 0, column: 0, message }]);
  }
}

const TEXT_CHARACTERS_MAX = 2_000;

/** A fault as the build program reported it; null when it is none. */
export function readFault(value: Record<string, unknown> | null): BuildFault | null {
  const { reason, findings } = value ?? {};
  if (reason !== "code_invalid" && reason !== "archive_refused" && reason !== "upload_too_large") return null;
  if (!Array.isArray(findings)) return null;
  return { reason, findings: findings.slice(0, BUILD_LIMITS.findingsMax).map(readFinding) };
}

function readFinding(value: unknown): Finding {
  const { file, line, column, message } = (value ?? {}) as Record<string, unknown>;
  return { file: text(file), line: number(line), column: number(column), message: text(message) };
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, TEXT_CHARACTERS_MAX) : "";
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31 ? value : 0;
}
