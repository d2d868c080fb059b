import { PlatformError } from "@millrace/errors";
import {
  type CallNotes,
  type CallRecord,
  etagOf,
  type IncomingCall,
  type Principal,
  principalName,
  withNotes,
} from "@millrace/rpc";
import { type CommitListener, type Transaction, withCommitListener } from "@millrace/sql";
import type { AuditLine, Outcome } from "./audit-event.ts";
import { LIMITS } from "./limits.ts";
import { objectOf, projectOf } from "./object-name.ts";
import { printable, shownFields } from "./shown-fields.ts";

/** Where a call's lines go. */
export interface LineSink {
  append(tx: Transaction, line: AuditLine): Promise<void>;
  /** For what has changed nothing in the database. */
  appendAlone(line: AuditLine): Promise<void>;
  /** Writes it later, or not, when there are too many; `line` is made only when it is written. */
  offerRefusal(source: string, line: () => AuditLine): void;
}

/**
 * One call. What changes something has its line in the first transaction that it commits, so that there is no change without its line;
 * a refusal has a transaction of its own.
 */
export class AuditedCall implements CallRecord, CommitListener {
  request: unknown;
  principal: Principal = { kind: "anonymous" };
  readonly notes: CallNotes = {};
  readonly #call: IncomingCall;
  readonly #changes: boolean;
  readonly #sink: LineSink;
  #written = false;

  /** `changes`: what is done is recorded too; else denials only. */
  constructor(call: IncomingCall, changes: boolean, sink: LineSink) {
    this.#call = call;
    this.#changes = changes;
    this.#sink = sink;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return withNotes(this.notes, async () => {
      if (!this.#changes) return work();
      const answer = await withCommitListener(this, work);
      if (!this.#written) await this.#sink.appendAlone(this.#line("done", ""));
      return answer;
    });
  }

  async beforeCommit(tx: Transaction, result: unknown): Promise<void> {
    if (this.#written) return;
    const { after = stateOf(result) } = this.notes;
    await this.#sink.append(tx, { ...this.#line("done", ""), after });
  }

  committed(): void {
    this.#written = true;
  }

  refused(thrown: unknown): void {
    const { code, reason } = PlatformError.from(thrown);
    const denied = code === "unauthenticated" || code === "permission_denied" || reason === "project_not_found";
    if (!denied && (!this.#changes || code === "cancelled")) return;
    // A service that asks about somebody's token is not the one who is refused.
    if (!this.#changes && this.principal.kind === "service") return;
    const source = this.principal.kind === "anonymous" ? addressOf(this.#call.peer) : principalName(this.principal);
    // What a malformed request holds is nobody's to know.
    const readable = code !== "invalid_argument";
    this.#sink.offerRefusal(source, () => this.#line(denied ? "denied" : "failed", reason, readable));
  }

  #line(outcome: Outcome, reason: string, readable = true): AuditLine {
    const { principal, notes, request } = this;
    const { method, encode, peer, userAgent } = this.#call;
    const object = printable(notes.object ?? objectOf(request), LIMITS.objectCharsMax);
    const project = projectOf(object);
    const chainOfDone = project === "" ? "platform" : `projects/${project}`;
    const isPerson = principal.kind === "person";
    const fields = readable && request !== undefined ? shownFields(method, encode(request)) : [];
    return {
      chain: outcome === "done" ? chainOfDone : "refused",
      project,
      actor: (outcome === "done" ? notes.actor : undefined) ?? principalName(principal),
      credential: (isPerson && principal.credentialName) || "",
      method: method.slice(1),
      object,
      outcome,
      reason,
      fields: JSON.stringify(fields),
      before: notes.before ?? "",
      after: outcome === "done" ? (notes.after ?? "") : "",
      peer,
      userAgent: printable(userAgent, LIMITS.textCharsMax),
      notRecorded: 0,
    };
  }
}

/** The etag of what a transaction answers, where it has one. */
function stateOf(result: unknown): string {
  const { version } = (result ?? {}) as { version?: unknown };
  return typeof version === "number" || typeof version === "string" ? etagOf(version) : "";
}

/** Without the port, which is another for each connection. */
function addressOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(":"));
}
