import { setTimeout as delay } from "node:timers/promises";
import { type BusLog, STREAMS } from "@millrace/bus";
import { LogBatch } from "@millrace/proto/invocation/v1/invocation";
import { query, type Sql } from "@millrace/sql";
import { AckPolicy, type Consumer, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
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

  constructor(deps: { sql: Sql; log: BusLog }) {
    this.#sql = deps.sql;
    this.#log = deps.log;
  }

  async start(bus: OpenBus): Promise<void> {
    this.#running ??= this.#run(bus);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(bus: OpenBus): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#consume(bus);
      } catch (err) {
        if (this.#stop.signal.aborted) return;
        this.#log.warn({ err }, "logs cannot be stored; it is tried again");
        await delay(RETRY_WAIT_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
      }
    }
  }

  async #consume({ connection }: OpenBus): Promise<void> {
    const manager = await jetstreamManager(connection);
    const streamMadeAt = new Date((await manager.streams.info(STREAMS.logs)).created);
    await manager.consumers.add(STREAMS.logs, {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      ack_wait: ACK_WAIT_NS,
    });
    const consumer = await jetstream(connection).consumers.get(STREAMS.logs, CONSUMER);
    while (!this.#stop.signal.aborted) await this.#storeBatch(consumer, streamMadeAt);
  }

  async #storeBatch(consumer: Consumer, streamMadeAt: Date): Promise<void> {
    const messages: JsMsg[] = [];
    const batch = await consumer.fetch({
      max_messages: LIMITS.logBatchMessagesMax,
      expires: LIMITS.logBatchWaitMs,
    });
    for await (const message of batch) messages.push(message);
    const lines = messages.flatMap((message) => this.#linesOf(message, streamMadeAt));
    await query(() => insertLines(this.#sql, lines));
    for (const message of messages) message.ack();
  }

  #linesOf(message: JsMsg, streamMadeAt: Date): StoredLine[] {
    try {
      const { project, functionUid, functionId, version, requestId, lines } = LogBatch.decode(message.data);
      const place = { streamMadeAt, sequence: message.seq, project, functionUid, functionId };
      return lines.map(({ time, level, message: text }, line) => ({
        ...place,
        line,
        functionVersion: version,
        requestId,
        at: time ?? new Date(message.time),
        level,
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
