import { type BusLog, STREAMS } from "@millrace/bus";
import { UsageBatch } from "@millrace/proto/invocation/v1/usage";
import { inTransaction, type Sql } from "@millrace/sql";
import type { JsMsg } from "@nats-io/jetstream";
import { storable } from "../events/event.ts";
import type { StreamReader } from "../events/stream-bus.ts";
import { LIMITS } from "../limits.ts";
import { camel, DURATION_COLUMNS, LEVEL_MS, USAGE, type UsageKind } from "./usage.ts";
import { type MinuteRow, putMinutes } from "./usage-store.ts";

/** Reads the stream `usage`: what gateways and runners counted. */
export class UsageReader implements StreamReader {
  readonly stream = STREAMS.usage;
  /** A word that is lost is made up for by the next. */
  readonly isMissing = false;
  readonly #sql: Sql;
  readonly #log: BusLog;

  constructor(deps: { sql: Sql; log: BusLog }) {
    this.#sql = deps.sql;
    this.#log = deps.log;
  }

  async settle(): Promise<void> {}

  async store(messages: readonly JsMsg[]): Promise<void> {
    const rows: Record<UsageKind, MinuteRow[]> = { requests: [], invocations: [] };
    for (const message of messages) this.#read(message, rows);
    await inTransaction(this.#sql, async (tx) => {
      for (const kind of Object.keys(rows) as UsageKind[]) await putMinutes(tx, kind, rows[kind]);
    });
  }

  #read(message: JsMsg, rows: Record<UsageKind, MinuteRow[]>): void {
    // NATS lets a gateway or runner publish under its own name only.
    const [, teller, id = ""] = message.subject.split(".");
    try {
      const batch = UsageBatch.decode(message.data);
      const at = minuteOf(batch, message);
      if (at === null) {
        this.#log.warn({ subject: message.subject }, "a minute of usage is of another time; it is dropped");
        return;
      }
      const kind = teller === "gateway" ? "requests" : "invocations";
      const { epoch, number } = batch;
      for (const series of batch[kind]) rows[kind].push(rowOf(kind, series, { at, source: id, epoch, number }));
    } catch (err) {
      this.#log.warn({ err, subject: message.subject }, "a message of usage cannot be read; it is dropped");
    }
  }
}

/** Null when it is not near the instant at which the bus took it: its teller's clock is wrong, and later minutes would be no better. */
function minuteOf({ minuteS }: UsageBatch, { time }: JsMsg): Date | null {
  const takenMs = new Date(time).getTime();
  const ms = minuteS * 1_000;
  const isLate = ms + LEVEL_MS.minutes < takenMs - LIMITS.usageLateMsMax;
  const isEarly = ms > takenMs + LIMITS.eventEarlyMsMax;
  return isLate || isEarly || ms % LEVEL_MS.minutes !== 0 ? null : new Date(ms);
}

function rowOf(
  kind: UsageKind,
  series: object,
  { at, source, epoch, number }: { at: Date; source: string; epoch: number; number: number },
): MinuteRow {
  const shape = USAGE[kind];
  const told = series as Record<string, unknown> & { durations: readonly number[] };
  const row: MinuteRow = { at, [shape.source]: source, epoch, number };
  for (const column of shape.keys) {
    const value = told[camel(column)];
    row[column] = typeof value === "string" ? storable(value).slice(0, LIMITS.usageNameCharsMax) : Number(value);
  }
  for (const column of [...shape.sums, ...shape.peaks]) row[column] = countOf(told[camel(column)]);
  DURATION_COLUMNS.forEach((column, bucket) => {
    row[column] = countOf(told.durations[bucket]);
  });
  return row;
}

/** Nothing is counted below nothing. */
function countOf(value: unknown): number {
  return Math.max(0, Number(value ?? 0));
}
