import { type BusLog, STREAMS } from "@millrace/bus";
import { LogBatch } from "@millrace/proto/invocation/v1/invocation";
import { inTransaction, type Sql } from "@millrace/sql";
import type { JsMsg } from "@nats-io/jetstream";
import { finite, instantOf, storable } from "../events/event.ts";
import type { MissingCounts } from "../events/event-metrics.ts";
import type { StoredInvocation } from "../events/invocation.ts";
import { insertInvocations } from "../events/invocation-store.ts";
import type { PartitionStore } from "../events/partition-store.ts";
import { Series, type ToldTally } from "../events/series.ts";
import type { Floor } from "../events/series-store.ts";
import type { StreamReader } from "../events/stream-bus.ts";
import type { StoredLine } from "./log.ts";
import { insertLines } from "./log-store.ts";
import { outcomeLine } from "./outcome-line.ts";

interface Told {
  lines: StoredLine[];
  invocations: StoredInvocation[];
  tallies: ToldTally[];
}

/** Reads the stream `logs`: what functions printed, and how their invocations ended. */
export class LogReader implements StreamReader {
  readonly stream = STREAMS.logs;
  readonly #sql: Sql;
  readonly #log: BusLog;
  readonly #partitions: PartitionStore;
  readonly #series: Series;

  constructor(deps: { sql: Sql; log: BusLog; partitions: PartitionStore }) {
    this.#sql = deps.sql;
    this.#log = deps.log;
    this.#partitions = deps.partitions;
    this.#series = new Series(this.stream, deps);
  }

  /** Events that were found to be missing, by cause. */
  get missing(): MissingCounts {
    return this.#series.counts;
  }

  get isMissing(): boolean {
    return this.#series.isMissing;
  }

  settle(floor: Floor): Promise<void> {
    return this.#series.settle(floor);
  }

  async store(messages: readonly JsMsg[], streamMadeAt: Date): Promise<void> {
    const told = messages.map((message) => this.#read(message, streamMadeAt));
    const lines = told.flatMap((one) => one.lines);
    const invocations = told.flatMap((one) => one.invocations);
    await this.#partitions.provide(
      "log_lines",
      lines.map(({ at }) => at),
    );
    await this.#partitions.provide(
      "invocations",
      invocations.map(({ at }) => at),
    );
    await this.#series.provideDays(messages);
    const found = await inTransaction(this.#sql, async (tx) => {
      const received = await insertLines(tx, lines);
      await insertInvocations(tx, invocations);
      const tallies = told.flatMap((one) => one.tallies);
      return this.#series.add(tx, tallies, received, streamMadeAt);
    });
    this.#series.count(found);
  }

  #read(message: JsMsg, streamMadeAt: Date): Told {
    try {
      return toldBy(message, streamMadeAt);
    } catch (err) {
      this.#log.warn({ err, subject: message.subject }, "a message of logs cannot be read; it is dropped");
      return { lines: [], invocations: [], tallies: [] };
    }
  }
}

function toldBy(message: JsMsg, streamMadeAt: Date): Told {
  const { lines, outcome, tally, version: functionVersion, ...batch } = LogBatch.decode(message.data);
  const runner = runnerOf(message.subject);
  const shared = {
    streamMadeAt,
    sequence: message.seq,
    runner,
    project: storable(batch.project),
    functionUid: storable(batch.functionUid),
    functionId: storable(batch.functionId),
    functionVersion,
    requestId: storable(batch.requestId),
  };
  const said = lines.map(({ time, level, message: text }) => ({ at: instantOf(time, message), level, message: text }));
  if (outcome) said.push({ at: instantOf(outcome.endTime, message), level: "platform", message: outcomeLine(outcome) });
  return {
    lines: said.map(({ at, level, message: text }, place) => ({
      ...shared,
      place,
      at,
      level: storable(level),
      message: storable(text),
    })),
    invocations: outcome
      ? [
          {
            ...shared,
            ...outcome,
            at: instantOf(outcome.endTime, message),
            reason: storable(outcome.reason),
            durationMs: finite(outcome.durationMs),
            waitMs: finite(outcome.waitMs),
            cpuUs: outcome.cpuUs ?? null,
            memoryKib: outcome.memoryKib ?? null,
          },
        ]
      : [],
    tallies: tally ? [{ ...tally, source: runner, message }] : [],
  };
}

/** NATS lets a runner publish under its own name only; what the message says of itself is the runner's word. */
function runnerOf(subject: string): string {
  return subject.split(".")[1] ?? "";
}
