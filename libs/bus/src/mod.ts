export { ensureBus, openBucket, openObjects, publishKept } from "./buckets.ts";
export { type BusConfig, type BusLog, busUnavailable, connectBus } from "./connection.ts";
export { echo } from "./echo.ts";
export { EventTallies, type TallyRecord } from "./event-tallies.ts";
export { guarded } from "./guarded.ts";
export { BUS_LIMITS } from "./limits.ts";
export { type Listener, listen } from "./listen.ts";
export {
  type BusIdentity,
  type BusPermissions,
  type BusService,
  inboxPrefix,
  permissionsFor,
} from "./permissions.ts";
export { digestOf, packRecord, splitParts, unpackRecord } from "./records.ts";
export {
  BUCKETS,
  BUILD_QUEUE_GROUP,
  type BucketName,
  KEYS,
  OBJECT_STORES,
  type ObjectStoreName,
  STREAMS,
  SUBJECTS,
  TRIAL_QUEUE_GROUP,
} from "./subjects.ts";
export { type BucketHandler, type BucketWatcher, watchBucket } from "./watch-bucket.ts";
