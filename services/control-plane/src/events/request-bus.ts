import { type BusLog, STREAMS } from "@millrace/bus";
import { RequestBatch, type RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import { inTransaction, type Sql } from "@millrace/sql";
import type { JsMsg } from "@nats-io/jetstream";
import { finite, instantOf, storable } from "./event.ts";
import type { MissingCounts } from "./event-metrics.ts";
import type { PartitionStore } from "./partition-store.ts";
import type { StoredRequest } from "./request.ts";
import { insertRequests } from "./request-store.ts";
import { Series, type ToldTally } from "./series.ts";
import type { Floor } from "./series-store.ts";
import type { StreamReader } from "./stream-bus.ts";

interface Told {
  requests: StoredRequest[];
  tallies: ToldTally[];
}

/** Reads the stream `requests`: what became of them, as gateways tell it. */
export class RequestReader implements StreamReader {
  readonly stream = STREAMS.requests;
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
    const requests = told.flatMap((one) => one.requests);
    await this.#partitions.provide(
      "requests",
      requests.map(({ at }) => at),
    );
    await this.#series.provideDays(messages);
    const found = await inTransaction(this.#sql, async (tx) => {
      const received = await insertRequests(tx, requests);
      const tallies = told.flatMap((one) => one.tallies);
      return this.#series.add(tx, tallies, received, streamMadeAt);
    });
    this.#series.count(found);
  }

  #read(message: JsMsg, streamMadeAt: Date): Told {
    try {
      // NATS lets a gateway publish under its own name only.
      const gateway = message.subject.split(".")[1] ?? "";
      const { events, tallies } = RequestBatch.decode(message.data);
      const requests = events.map((told, place) => {
        const event = storableEvent(told);
        const { project, requestId } = event;
        const at = instantOf(event.time, message);
        return { at, streamMadeAt, sequence: message.seq, place, gateway, project, requestId, event };
      });
      return { requests, tallies: tallies.map((tally) => ({ ...tally, source: gateway, message })) };
    } catch (err) {
      this.#log.warn({ err, subject: message.subject }, "a message of requests cannot be read; it is dropped");
      return { requests: [], tallies: [] };
    }
  }
}

function storableEvent(event: RequestEvent): RequestEvent {
  const entries = Object.entries(event).map(([name, value]) => [
    name,
    typeof value === "string" ? storable(value) : value,
  ]);
  const { durationMs, backendMs } = event;
  return {
    ...Object.fromEntries(entries),
    durationMs: finite(durationMs),
    backendMs: finite(backendMs),
  } as RequestEvent;
}
