import { jetstream, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import { type ObjectStore, Objm } from "@nats-io/obj";
import { BUS_LIMITS } from "./limits.ts";
import { BUCKETS, type BucketName, OBJECT_STORES, type ObjectStoreName, STREAMS } from "./subjects.ts";

const NANOS_PER_HOUR = 3_600_000_000_000;

/** Makes every bucket, object store and stream that does not exist yet. control-plane does this at start; others open what is there. */
export async function ensureBus(connection: NatsConnection): Promise<void> {
  const kvm = new Kvm(connection);
  for (const name of Object.values(BUCKETS)) await kvm.create(name, { history: 1, max_bytes: BUS_LIMITS.kvBytesMax });
  const objm = new Objm(connection);
  await objm.create(OBJECT_STORES.artifacts, { max_bytes: BUS_LIMITS.artifactsBytesMax });
  for (const name of [OBJECT_STORES.uploads, OBJECT_STORES.builds]) {
    await objm.create(name, { max_bytes: BUS_LIMITS.passingBytesMax, ttl: BUS_LIMITS.passingHours * NANOS_PER_HOUR });
  }
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: STREAMS.logs,
    subjects: ["logs.*.*"],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    max_bytes: BUS_LIMITS.logsBytesMax,
    max_age: BUS_LIMITS.logsHours * NANOS_PER_HOUR,
  });
}

/** Opens a bucket that control-plane has made. */
export function openBucket(connection: NatsConnection, name: BucketName): Promise<KV> {
  return new Kvm(jetstream(connection, { checkAPI: false })).open(BUCKETS[name]);
}

/** Opens an object store that control-plane has made. */
export function openObjects(connection: NatsConnection, name: ObjectStoreName): Promise<ObjectStore> {
  // Without `checkAPI: false` the client asks for account facts that readers may not see.
  return new Objm(jetstream(connection, { checkAPI: false })).open(OBJECT_STORES[name]);
}
