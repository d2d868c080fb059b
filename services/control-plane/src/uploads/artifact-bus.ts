import { createHash } from "node:crypto";
import { PlatformError } from "@millrace/errors";
import { inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import type { ObjectStore } from "@nats-io/obj";
import { type BusLink, onBus } from "../bus/bus-link.ts";
import { LIMITS } from "../limits.ts";
import * as store from "./artifact-store.ts";
import { untilAborted } from "./receive-upload.ts";

// Artifacts between the bus and PostgreSQL, chunk by chunk.
const SWEEP_BATCH = 100;

export class ArtifactBus {
  readonly #deps: { sql: Sql; link: BusLink; clock: () => Date };

  constructor(deps: { sql: Sql; link: BusLink; clock: () => Date }) {
    this.#deps = deps;
  }

  /** Takes a built artifact over: into PostgreSQL, then where runners fetch it. Its digest is verified before anything is kept. */
  async keep(digest: string, sizeBytes: number): Promise<void> {
    if (sizeBytes > LIMITS.artifactBytesMax)
      throw artifactBroken(digest, `it is over ${LIMITS.artifactBytesMax} bytes`);
    const { builds } = this.#deps.link.use();
    await inTransaction(this.#deps.sql, async (tx) => {
      if (await store.insertArtifact(tx, digest, sizeBytes)) await this.#fetch(tx, builds, digest, sizeBytes);
    });
    await this.publish(digest);
    // What stays is deleted by its age.
    await builds.delete(digest).catch(() => {});
  }

  /** Puts an artifact into the object store unless it is there. Answers whether it was missing. */
  async publish(digest: string): Promise<boolean> {
    const { artifacts } = this.#deps.link.use();
    const known = await onBus(() => artifacts.info(digest));
    if (known && !known.deleted) return false;
    await onBus(() => artifacts.put({ name: digest }, ReadableStream.from(this.#chunks(digest))));
    return true;
  }

  /** Deletes what no draft and no version has used for an hour: first here, so that a failure leaves a copy that does no harm. */
  async sweep(): Promise<void> {
    if (!this.#deps.link.open) return;
    const { sql, link, clock } = this.#deps;
    const before = new Date(clock().getTime() - LIMITS.artifactUnusedMs);
    for (const digest of await query(() => store.listUnusedArtifacts(sql, before, SWEEP_BATCH))) {
      const deleted = await inTransaction(sql, (tx) => store.deleteUnusedArtifact(tx, digest, before));
      if (deleted) await onBus(() => link.use().artifacts.delete(digest));
    }
  }

  async #fetch(tx: Transaction, builds: ObjectStore, digest: string, sizeBytes: number): Promise<void> {
    const built = await onBus(() => builds.get(digest));
    if (!built) throw artifactBroken(digest, "the builder has not stored it");
    // A bad end of the stream shows in its digest, which is checked below.
    built.error.catch(() => {});
    const hash = createHash("sha256");
    let number = 0;
    let size = 0;
    const timeout = AbortSignal.timeout(LIMITS.buildTimeoutMs);
    for await (const chunk of inChunks(untilAborted(built.data, timeout), LIMITS.artifactChunkBytes)) {
      size += chunk.length;
      if (size > sizeBytes) break;
      hash.update(chunk);
      await store.insertChunk(tx, digest, number++, chunk);
    }
    if (size !== sizeBytes || hash.digest("hex") !== digest)
      throw artifactBroken(digest, "its bytes are not its name's");
  }

  async *#chunks(digest: string): AsyncGenerator<Uint8Array> {
    for (let number = 0; ; number++) {
      const chunk = await query(() => store.findChunk(this.#deps.sql, digest, number));
      if (!chunk) return;
      yield chunk;
    }
  }
}

/** Joins small pieces, so that rows have a good size. */
async function* inChunks(pieces: AsyncIterable<Uint8Array>, chunkBytes: number): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    size += piece.length;
    if (size < chunkBytes) continue;
    yield Buffer.concat(waiting, size);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(waiting, size);
}

function artifactBroken(digest: string, internal: string): PlatformError {
  return new PlatformError("internal", "Something went wrong on our side.", {
    reason: "artifact_broken",
    internal: `artifact ${digest}: ${internal}`,
  });
}
