import { BUCKETS, type BusLog, OBJECT_STORES } from "@millrace/bus";
import { type OutboxLag, OutboxRelay } from "@millrace/projection";
import { query, type Sql } from "@millrace/sql";
import { jetstreamManager } from "@nats-io/jetstream";
import type { BusWorker, OpenBus } from "../bus/bus-link.ts";
import { listUsedArtifacts } from "../uploads/artifact-store.ts";
import { notedStreams, noteStream } from "./projected-store.ts";
import { renderFunction, renderRelease } from "./render.ts";
import { markEverything } from "./reprojection.ts";

/** Puts an artifact into the object store unless it is there; answers whether it was missing. */
export type PublishArtifact = (digest: string) => Promise<boolean>;

const STREAMS = [`KV_${BUCKETS.functions}`, `KV_${BUCKETS.releases}`, `OBJ_${OBJECT_STORES.artifacts}`];
const PAGE = 500;

interface ProjectionDeps {
  sql: Sql;
  schema: string;
  log: BusLog;
  publishArtifact: PublishArtifact;
  lag: OutboxLag;
}

/** Keeps the buckets equal to PostgreSQL from when the bus opens; a bus that has lost what it held is filled again. */
export class Projection implements BusWorker {
  readonly #deps: ProjectionDeps;
  #relay: OutboxRelay | undefined;

  constructor(deps: ProjectionDeps) {
    this.#deps = deps;
  }

  async start(bus: OpenBus): Promise<void> {
    const { sql, schema, lag, log } = this.#deps;
    await this.restore(bus);
    if (this.#relay) return;
    const relay = new OutboxRelay({
      sql,
      schema,
      buckets: { releases: bus.releases, functions: bus.functions },
      renders: { releases: renderRelease(sql), functions: renderFunction(sql) },
      onWritten: (waitedMs) => lag.written(waitedMs),
      log,
    });
    await relay.start();
    this.#relay = relay;
  }

  async close(): Promise<void> {
    await this.#relay?.close();
  }

  /** Fills streams that are not the ones seen before: the bus is new, or has lost its data. */
  async restore({ connection }: OpenBus): Promise<void> {
    const { sql, log } = this.#deps;
    const manager = await jetstreamManager(connection);
    const noted = await query(() => notedStreams(sql));
    const changed: { name: string; madeAt: Date }[] = [];
    for (const name of STREAMS) {
      const madeAt = new Date((await manager.streams.info(name)).created);
      if (noted.get(name) !== madeAt.getTime()) changed.push({ name, madeAt });
    }
    if (changed.length === 0) return;
    log.info({ streams: changed.map(({ name }) => name) }, "the bus is new or has lost data; it is filled");
    await markEverything(sql);
    await this.publishArtifacts();
    for (const { name, madeAt } of changed) await query(() => noteStream(sql, name, madeAt));
  }

  /** Puts every artifact in use into the object store. Answers how many there are. */
  async publishArtifacts(): Promise<number> {
    const { sql, publishArtifact } = this.#deps;
    let count = 0;
    for (let after = ""; ; ) {
      const digests = await query(() => listUsedArtifacts(sql, after, PAGE));
      for (const digest of digests) await publishArtifact(digest);
      count += digests.length;
      if (digests.length < PAGE) return count;
      after = digests.at(-1)!;
    }
  }
}
