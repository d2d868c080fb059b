import { type BusLog, STREAMS } from "@millrace/bus";
import { RequestBatch, type RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import { query, type Sql } from "@millrace/sql";
import type { JsMsg } from "@nats-io/jetstream";
import { finite, instantOf, storable } from "./event.ts";
import type { PartitionStore } from "./partition-store.ts";
import type { StoredRequest } from "./request.ts";
import { insertRequests } from "./request-store.ts";
import type { StreamReader } from "./stream-bus.ts";

/** Reads the stream `requests`: what became of them, as gateways tell it. */
export class RequestReader implements StreamReader {
  readonly stream = STREAMS.requests;
  readonly #sql: Sql;
  readonly #log: BusLog;
  readonly #partitions: PartitionStore;

  constructor(deps: { sql: Sql; log: BusLog; partitions: PartitionStore }) {
    this.#sql = deps.sql;
    this.#log = deps.log;
    this.#partitions = deps.partitions;
  }

  async store(messages: readonly JsMsg[], streamMadeAt: Date): Promise<void> {
    const requests = messages.flatMap((message) => this.#read(message, streamMadeAt));
    await this.#partitions.provide(
      "requests",
      requests.map(({ at }) => at),
    );
    await query(() => insertRequests(this.#sql, requests));
  }

  #read(message: JsMsg, streamMadeAt: Date): StoredRequest[] {
    try {
      // NATS lets a gateway publish under its own name only.
      const gateway = message.subject.split(".")[1] ?? "";
      return RequestBatch.decode(message.data).events.map((told, place) => {
        const event = storableEvent(told);
        const { project, requestId } = event;
        const at = instantOf(event.time, message);
        return { at, streamMadeAt, sequence: message.seq, place, gateway, project, requestId, event };
      });
    } catch (err) {
      this.#log.warn({ err, subject: message.subject }, "a message of requests cannot be read; it is dropped");
      return [];
    }
  }
}

function storableEvent(event: RequestEvent): RequestEvent {
  const entries = Object.entries(event).map(([name, value]) => [
    name,
    typeof value === "string" ? storable(value) : value,
  ]);
  return { ...Object.fromEntries(entries), durationMs: finite(event.durationMs) } as RequestEvent;
}
