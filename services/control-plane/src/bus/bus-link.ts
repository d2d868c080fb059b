import { setTimeout as delay } from "node:timers/promises";
import {
  type BusConfig,
  type BusLog,
  busUnavailable,
  connectBus,
  ensureBus,
  OBJECT_STORES,
  openBucket,
  openObjects,
} from "@millrace/bus";
import { PlatformError } from "@millrace/errors";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import type { ObjectStore } from "@nats-io/obj";
import { LIMITS } from "../limits.ts";

// control-plane serves without NATS. The link connects in the background, makes what the bus lacks, and hands an open bus to those who
// work on it; what a call needs of the bus meanwhile is `unavailable`.

export interface OpenBus {
  connection: NatsConnection;
  releases: KV;
  functions: KV;
  uploads: ObjectStore;
  builds: ObjectStore;
  artifacts: ObjectStore;
}

/** Works on the bus. Started when the bus opens and again after every reconnection, for the bus may come back without its data. */
export interface BusWorker {
  start(bus: OpenBus): Promise<void>;
  close(): Promise<void>;
}

export class BusLink {
  readonly #config: BusConfig;
  readonly #log: BusLog;
  readonly #workers: readonly BusWorker[];
  readonly #stop = new AbortController();
  #connection: NatsConnection | undefined;
  #bus: OpenBus | undefined;
  #opening: Promise<void> = Promise.resolve();
  #watching: Promise<void> = Promise.resolve();

  constructor(config: BusConfig, log: BusLog, workers: readonly BusWorker[]) {
    this.#config = config;
    this.#log = log;
    this.#workers = workers;
  }

  /** Begins to connect; does not wait. */
  start(): void {
    this.#watching = this.#watch();
  }

  get open(): boolean {
    return this.#bus !== undefined && !this.#bus.connection.isClosed();
  }

  /** The bus, or `unavailable` bus_unavailable. */
  use(): OpenBus {
    if (this.#bus && !this.#bus.connection.isClosed()) return this.#bus;
    throw busUnavailable();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#opening.catch(() => {});
    for (const worker of this.#workers.toReversed()) {
      await worker.close().catch((err: unknown) => this.#log.warn({ err }, "a worker on the bus could not be closed"));
    }
    await this.#connection?.close();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    await this.#openInTheEnd();
    if (!this.#connection) return;
    for await (const { type } of this.#connection.status()) {
      if (type === "reconnect") await this.#openInTheEnd();
    }
  }

  /** Tries until the bus is open or the link is closed. */
  async #openInTheEnd(): Promise<void> {
    const { signal } = this.#stop;
    for (let attempt = 1; !signal.aborted; attempt++) {
      this.#opening = this.#open();
      try {
        await this.#opening;
        this.#log.info({}, "the bus is open");
        return;
      } catch (err) {
        if (attempt === 1) this.#log.warn({ err }, "the bus cannot be opened; it is tried again until it can");
        this.#opening = Promise.resolve();
        await delay(LIMITS.busRetryWaitMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #open(): Promise<void> {
    this.#connection ??= await connectBus(this.#config, this.#log);
    await ensureBus(this.#connection);
    this.#bus ??= await openAll(this.#connection);
    for (const worker of this.#workers) await worker.start(this.#bus);
  }
}

async function openAll(connection: NatsConnection): Promise<OpenBus> {
  return {
    connection,
    releases: await openBucket(connection, "releases"),
    functions: await openBucket(connection, "functions"),
    uploads: await openObjects(connection, OBJECT_STORES.uploads),
    builds: await openObjects(connection, OBJECT_STORES.builds),
    artifacts: await openObjects(connection, OBJECT_STORES.artifacts),
  };
}

/** Runs work on the bus; what it throws that is no refusal becomes `unavailable` bus_unavailable. */
export async function onBus<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PlatformError ? error : busUnavailable(error);
  }
}
