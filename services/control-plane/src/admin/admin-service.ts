import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "@millrace/errors";
import { query, type Sql } from "@millrace/sql";
import type { BusLink } from "../bus/bus-link.ts";
import { LIMITS } from "../limits.ts";
import { databaseNow, marksWait } from "../projecting/projected-store.ts";
import type { Projection } from "../projecting/projection.ts";
import { type Marked, markEverything, markExisting } from "../projecting/reprojection.ts";
import type { RunnerBeats, RunnerSeen } from "./runner-beats-bus.ts";

export interface Grants {
  /** Rebuilds the bucket `grants`; answers how many entries it has. */
  reprojectGrants(): Promise<number>;
}

const POLL_MS = 50;

export class AdminService {
  readonly #deps: { sql: Sql; link: BusLink; projection: Projection; grants: Grants; beats: RunnerBeats };

  constructor(deps: { sql: Sql; link: BusLink; projection: Projection; grants: Grants; beats: RunnerBeats }) {
    this.#deps = deps;
  }

  /** Rebuilds every projection while it is served, and answers when it is done. */
  async reproject(signal: AbortSignal): Promise<Marked & { artifacts: number; grants: number }> {
    const { sql, link, projection, grants } = this.#deps;
    const bus = link.use();
    const artifacts = await projection.publishArtifacts();
    await markExisting(sql, bus);
    const marked = await markEverything(sql);
    const grantEntries = await grants.reprojectGrants();
    await this.#untilRelayed(signal);
    return { ...marked, artifacts, grants: grantEntries };
  }

  runners(): RunnerSeen[] {
    this.#deps.link.use();
    return this.#deps.beats.list();
  }

  /** Waits until what is marked by now is on the bus. */
  async #untilRelayed(signal: AbortSignal): Promise<void> {
    const { sql } = this.#deps;
    const now = await query(() => databaseNow(sql));
    const deadlineMs = performance.now() + LIMITS.reprojectTimeoutMs;
    while (await query(() => marksWait(sql, now))) {
      signal.throwIfAborted();
      if (performance.now() > deadlineMs) throw slow();
      await delay(POLL_MS);
    }
  }
}

function slow(): PlatformError {
  return new PlatformError("deadline_exceeded", "Everything is marked, but not all of it is on the bus yet.", {
    reason: "reprojection_slow",
  });
}
