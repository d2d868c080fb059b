import type { CallRecord, CallRecorder, IncomingCall } from "@millrace/rpc";
import { query, type Sql, type Transaction } from "@millrace/sql";
import type { AuditEvent, AuditFilter, AuditLine, AuditPosition } from "./audit-event.ts";
import { appendLine, keepPartitions, listEvents } from "./audit-store.ts";
import { AuditedCall, type LineSink } from "./audited-call.ts";
import { LIMITS } from "./limits.ts";
import { RefusalBudget } from "./refusal-budget.ts";

export interface AuditLogDeps {
  sql: Sql;
  /** Full paths of methods that change nothing although they are not called Get… or List…. */
  reads: readonly string[];
  log: { warn(fields: object, message: string): void };
}

/** The audit log of a service: records its calls, lists what is recorded, and forgets what is too old. */
export class AuditLog implements CallRecorder, LineSink {
  readonly #deps: AuditLogDeps;
  readonly #budget = new RefusalBudget();
  #writing = 0;

  constructor(deps: AuditLogDeps) {
    this.#deps = deps;
  }

  begin(call: IncomingCall): CallRecord {
    return new AuditedCall(call, this.changes(call.method), this);
  }

  /** Whether a method changes something: whatever does not say that it only reads. */
  changes(path: string): boolean {
    return !/\/(Get|List)[A-Z][A-Za-z]*$/.test(path) && !this.#deps.reads.includes(path);
  }

  append(tx: Transaction, line: AuditLine): Promise<void> {
    return appendLine(tx, line);
  }

  appendAlone(line: AuditLine): Promise<void> {
    return query(() => appendLine(this.#deps.sql, line));
  }

  offerRefusal(source: string, line: () => AuditLine): void {
    if (!this.#budget.take(source)) return;
    if (this.#writing >= LIMITS.refusalsAtOnceMax) this.#budget.skip(1);
    else void this.#writeRefusal(line());
  }

  list(
    filter: AuditFilter,
    position: AuditPosition | undefined,
    limit: number,
  ): Promise<(AuditEvent & AuditPosition)[]> {
    return query(() => listEvents(this.#deps.sql, filter, { position, limit }));
  }

  /** Makes partitions before they are needed, and drops those that are too old. */
  keepPartitions(): Promise<void> {
    return query(() => keepPartitions(this.#deps.sql, LIMITS.monthsAhead, LIMITS.retentionDays));
  }

  async #writeRefusal(line: AuditLine): Promise<void> {
    const notRecorded = this.#budget.takeSkipped();
    this.#writing++;
    try {
      await this.appendAlone({ ...line, notRecorded });
    } catch (err) {
      this.#budget.skip(notRecorded + 1);
      this.#deps.log.warn({ err, method: line.method, reason: line.reason }, "a refusal could not be recorded");
    } finally {
      this.#writing--;
    }
  }
}
