import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import { type ObjectStore, Objm } from "@nats-io/obj";
import { BUS_LIMITS } from "./limits.ts";
import { BUCKETS, type BucketName, OBJECT_STORES, type ObjectStoreName, STREAMS, SUBJECTS } from "./subjects.ts";

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
  await ensureStream(connection, STREAMS.logs, SUBJECTS.log("*", "*", "*"), BUS_LIMITS.logsBytesMax);
  await ensureStream(connection, STREAMS.requests, SUBJECTS.requests("*"), BUS_LIMITS.requestsBytesMax);
  await ensureStream(connection, STREAMS.usage, "usage.*.*", BUS_LIMITS.usageBytesMax);
}

/** Events on their way to PostgreSQL: when there are too many, the oldest go. A stream that is there already takes on what is asked now. */
async function ensureStream(connection: NatsConnection, name: string, subject: string, bytesMax: number) {
  const { streams } = await jetstreamManager(connection);
  const config = {
    subjects: [subject],
    max_bytes: bytesMax,
    max_age: BUS_LIMITS.eventsHours * NANOS_PER_HOUR,
  };
  const known = await streams.info(name).catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return undefined;
    throw error;
  });
  if (!known) await streams.add({ name, retention: RetentionPolicy.Limits, storage: StorageType.File, ...config });
  else if (known.config.subjects?.join() !== subject) await streams.update(name, config);
}

/** Publishes what a stream keeps; settles when it does, and rejects when that is not known in time. */
export async function publishKept(
  connection: NatsConnection,
  subject: string,
  bytes: Uint8Array,
  timeoutMs: number,
): Promise<void> {
  await jetstream(connection, { checkAPI: false }).publish(subject, bytes, { timeout: timeoutMs, retries: 0 });
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
