import { setTimeout as delay } from "node:timers/promises";
import type { BusLog } from "@millrace/bus";
import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { BusWorker, OpenBus } from "../bus/bus-link.ts";
import { LIMITS } from "../limits.ts";
import type { Floor } from "./series-store.ts";

// Takes messages of a stream into PostgreSQL. A message is acknowledged when what it says is stored, and comes again otherwise; one that
// comes twice is known by its place in the stream.

/** The same of each stream. */
export const STREAM_CONSUMER = "control-plane";
const ACK_WAIT_NS = 30_000_000_000;
const RETRY_WAIT_MS = 1_000;

export interface StreamReader {
  stream: string;
  /** Stores what messages say, each once however often it comes. What cannot be read is passed over. */
  store(messages: readonly JsMsg[], streamMadeAt: Date): Promise<void>;
  /** Whether something that was told of has not come. */
  readonly isMissing: boolean;
  /** What was told before the floor, and has not come, is gone. */
  settle(floor: Floor): Promise<void>;
}

export class StreamConsumer implements BusWorker {
  readonly #reader: StreamReader;
  readonly #log: BusLog;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #messages: ConsumerMessages | undefined;

  constructor(reader: StreamReader, log: BusLog) {
    this.#reader = reader;
    this.#log = log;
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
    const { stream } = this.#reader;
    while (!signal.aborted) {
      await this.#consume(bus).catch((err: unknown) => {
        if (!signal.aborted) this.#log.warn({ err, stream }, "events cannot be stored; it is tried again");
      });
      await delay(RETRY_WAIT_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Stores what comes together, many messages at once or so often a second: a transaction for each would cost more than all else. */
  async #consume({ connection }: OpenBus): Promise<void> {
    const { stream } = this.#reader;
    const manager = await jetstreamManager(connection);
    const streamMadeAt = new Date((await manager.streams.info(stream)).created);
    await manager.consumers.add(stream, {
      durable_name: STREAM_CONSUMER,
      ack_policy: AckPolicy.Explicit,
      ack_wait: ACK_WAIT_NS,
    });
    const consumer = await jetstream(connection).consumers.get(stream, STREAM_CONSUMER);
    const { eventMessagesMax, eventStoreMs } = LIMITS;
    const messages = await consumer.consume({ max_messages: eventMessagesMax, abort_on_missing_resource: true });
    this.#messages = messages;
    if (this.#stop.signal.aborted) messages.close().catch(() => {});
    const failures: unknown[] = [];
    let waiting: JsMsg[] = [];
    let storing = Promise.resolve();
    const store = (): Promise<void> => {
      const batch = waiting;
      waiting = [];
      if (batch.length === 0 && !this.#reader.isMissing) return storing;
      storing = storing
        .then(() => this.#settle(consumer, streamMadeAt))
        .then(() => this.#store(batch, streamMadeAt))
        .catch((error: unknown) => {
          failures.push(error);
          messages.close().catch(() => {});
        });
      return storing;
    };
    const timer = setInterval(() => void store(), eventStoreMs);
    try {
      for await (const message of messages) {
        waiting.push(message);
        if (waiting.length >= eventMessagesMax) await store();
      }
    } finally {
      clearInterval(timer);
      await store();
    }
    if (failures.length > 0) throw failures[0];
  }

  async #settle(consumer: Consumer, streamMadeAt: Date): Promise<void> {
    if (!this.#reader.isMissing) return;
    const { ack_floor: floor } = await consumer.info();
    await this.#reader.settle({ streamMadeAt, sequence: floor.stream_seq });
  }

  async #store(batch: readonly JsMsg[], streamMadeAt: Date): Promise<void> {
    if (batch.length === 0) return;
    try {
      await this.#reader.store(batch, streamMadeAt);
      for (const message of batch) message.ack();
    } catch (error) {
      for (const message of batch) message.nak(RETRY_WAIT_MS);
      throw error;
    }
  }
}
