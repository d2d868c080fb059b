import { setTimeout as delay } from "node:timers/promises";
import { type BusLog, STREAMS } from "@millrace/bus";
import { LogBatch } from "@millrace/proto/invocation/v1/invocation";
import { query, type Sql } from "@millrace/sql";
import { AckPolicy, type ConsumerMessages, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { BusWorker, OpenBus } from "../bus/bus-link.ts";
import { LIMITS } from "../limits.ts";
import type { StoredLine } from "./log.ts";
import { insertLines } from "./log-store.ts";

// Takes lines from the stream `logs` into PostgreSQL. A message is acknowledged when its lines are stored; one that comes again is known
// by its place in the stream. What cannot be read is dropped and said.

const CONSUMER = "control-plane";
const ACK_WAIT_NS = 30_000_000_000;
const RETRY_WAIT_MS = 1_000;

export class LogConsumer implements BusWorker {
  readonly #sql: Sql;
  readonly #log: BusLog;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #messages: ConsumerMessages | undefined;

  constructor(deps: { sql: Sql; log: BusLog }) {
    this.#sql = deps.sql;
    this.#log = deps.log;
  }

  async start(bus: OpenBus): Promise<void> {
    this.#running ??= this.#run(bus);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    // Its promise waits for a reader that may not have begun; the run ends when it has.
    this.#messages?.close().catch(() => {});
    await this.#running;
  }

  async #run(bus: OpenBus): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#consume(bus).catch((err: unknown) => {
        if (!signal.aborted) this.#log.warn({ err }, "logs cannot be stored; it is tried again");
      });
      await delay(RETRY_WAIT_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Stores messages as they come: each at once while there are few, many together when they queue up. */
  async #consume({ connection }: OpenBus): Promise<void> {
    const manager = await jetstreamManager(connection);
    const streamMadeAt = new Date((await manager.streams.info(STREAMS.logs)).created);
    await manager.consumers.add(STREAMS.logs, {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      ack_wait: ACK_WAIT_NS,
    });
    const consumer = await jetstream(connection).consumers.get(STREAMS.logs, CONSUMER);
    const { logBatchMessagesMax } = LIMITS;
    const messages = await consumer.consume({ max_messages: logBatchMessagesMax, abort_on_missing_resource: true });
    this.#messages = messages;
    if (this.#stop.signal.aborted) messages.close().catch(() => {});
    let batch: JsMsg[] = [];
    for await (const message of messages) {
      batch.push(message);
      if (message.info.pending > 0 && batch.length < logBatchMessagesMax) continue;
      await this.#store(batch, streamMadeAt);
      batch = [];
    }
  }

  async #store(batch: readonly JsMsg[], streamMadeAt: Date): Promise<void> {
    const lines = batch.flatMap((message) => this.#linesOf(message, streamMadeAt));
    try {
      await query(() => insertLines(this.#sql, lines));
      for (const message of batch) message.ack();
    } catch (error) {
      for (const message of batch) message.nak(RETRY_WAIT_MS);
      throw error;
    }
  }

  #linesOf(message: JsMsg, streamMadeAt: Date): StoredLine[] {
    try {
      const { lines, version: functionVersion, ...batch } = LogBatch.decode(message.data);
      const shared = {
        streamMadeAt,
        sequence: message.seq,
        project: storable(batch.project),
        functionUid: storable(batch.functionUid),
        functionId: storable(batch.functionId),
        functionVersion,
        requestId: storable(batch.requestId),
      };
      return lines.map(({ time, level, message: text }, line) => ({
        ...shared,
        line,
        at: isStorable(time) ? time : new Date(message.time),
        level: storable(level),
        message: storable(text),
      }));
    } catch (err) {
      this.#log.warn({ err, subject: message.subject }, "a message of logs cannot be read; it is dropped");
      return [];
    }
  }
}

/** PostgreSQL's text cannot hold NUL. */
function storable(text: string): string {
  return text.replaceAll("\0", "\u2400").slice(0, LIMITS.logLineBytesMax);
}

function isStorable(time: Date | undefined): time is Date {
  return time !== undefined && time.getUTCFullYear() >= 1970 && time.getUTCFullYear() <= 9999;
}
