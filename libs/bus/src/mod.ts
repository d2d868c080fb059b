export { BUS_LIMITS, ensureBus, openBucket, openObjects, packRecord, splitParts, unpackRecord } from "./buckets.ts";
export { type BusConfig, type BusLog, connectBus, digestOf } from "./connection.ts";
export {
  type BusIdentity,
  type BusPermissions,
  type BusService,
  inboxPrefix,
  permissionsFor,
  STREAM_NAMES,
} from "./permissions.ts";
export {
  BUCKETS,
  BUILD_QUEUE_GROUP,
  type BucketName,
  KEYS,
  OBJECT_STORES,
  type ObjectStoreName,
  STREAMS,
  SUBJECTS,
} from "./subjects.ts";
export { type BucketHandler, type BucketWatcher, watchBucket } from "./watch-bucket.ts";
