// One line of the audit log: who did what, to what, when and from where, and how it ended.

export type Outcome = "done" | "denied" | "failed";

export interface AuditLine {
  /** Whose hashes it continues: `projects/{project}`, `platform` or `refused`. */
  chain: string;
  /** Id of the project that it concerns; empty when it concerns none. */
  project: string;
  actor: string;
  credential: string;
  /** `{package.Service}/{Method}` */
  method: string;
  object: string;
  outcome: Outcome;
  reason: string;
  /** JSON of `[path, value]` pairs. */
  fields: string;
  before: string;
  after: string;
  peer: string;
  userAgent: string;
  notRecorded: number;
}

/** A line as it is kept. */
export interface AuditEvent extends AuditLine {
  at: Date;
  sequence: number;
  hash: Buffer;
}

/** Where a page ended: events are ordered by time, then chain, then number. */
export interface AuditPosition {
  /** Microseconds since 1970. */
  atMicros: string;
  chain: string;
  sequence: string;
}

export interface AuditFilter {
  /** Undefined: of all projects and of none. */
  project: string | undefined;
  /** From this instant on; what was before is of a project that had the same id. */
  since: Date | undefined;
  actor: string;
  object: string;
  action: string;
  outcome: Outcome | undefined;
  after: Date | undefined;
  before: Date | undefined;
}
