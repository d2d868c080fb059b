import {
  BUCKETS,
  BUILD_QUEUE_GROUP,
  type BucketName,
  OBJECT_STORES,
  type ObjectStoreName,
  SUBJECTS,
  TRIAL_QUEUE_GROUP,
} from "./subjects.ts";

// What each NATS user may touch: the bus table as data. Each process has an inbox of its own, so that nobody can listen to another's
// replies.

export type BusService = "gateway" | "function-runner" | "control-plane" | "auth";

export interface BusIdentity {
  service: BusService;
  /** Of the process, e.g. `runner-1`; a-z, A-Z, 0-9, `_` and `-`. */
  id: string;
}

/** As NATS's configuration has it. */
export interface BusPermissions {
  publish: string[];
  subscribe: string[];
  /** To whatever inbox a request names that it was sent: so often, and so long. */
  allow_responses?: { max: number; expires: string };
}

export function inboxPrefix(identity: BusIdentity): string {
  return `_INBOX.${identity.service}.${identity.id}`;
}

export function permissionsFor(identity: BusIdentity): BusPermissions {
  const own = PERMISSIONS[identity.service](identity.id);
  return { ...own, subscribe: [`${inboxPrefix(identity)}.>`, ...own.subscribe] };
}

/** Longer than control-plane waits for a build, or for a call that tries a function. */
const ANSWER_S = 120;

const PERMISSIONS: Record<BusService, (id: string) => BusPermissions> = {
  gateway: (id) => ({
    publish: [
      SUBJECTS.runner("*"),
      SUBJECTS.claim("gateway", id),
      SUBJECTS.served(id),
      SUBJECTS.requests(id),
      SUBJECTS.usage("gateway", id),
      ...reading("releases"),
      ...reading("functions"),
      ...reading("grants"),
    ],
    subscribe: [SUBJECTS.gateway(id, "*"), SUBJECTS.beat("*"), SUBJECTS.claim("gateway", id), SUBJECTS.serving],
  }),
  "function-runner": (id) => ({
    publish: [
      SUBJECTS.gateway("*", id),
      SUBJECTS.beat(id),
      SUBJECTS.claim("function-runner", id),
      SUBJECTS.log(id, "*", "*"),
      SUBJECTS.usage("runner", id),
      ...reading("functions"),
      ...readingObjects("artifacts"),
      ...readingObjects("uploads"),
      ...writingObjects("builds"),
    ],
    // Its own beats and claims tell whether somebody else runs under its name, or is about to.
    subscribe: [
      SUBJECTS.runner(id),
      SUBJECTS.beat(id),
      SUBJECTS.claim("function-runner", id),
      `${SUBJECTS.build} ${BUILD_QUEUE_GROUP}`,
      `${SUBJECTS.trial} ${TRIAL_QUEUE_GROUP}`,
    ],
    // The answer to who asked for a build or a call, within the time that control-plane waits for it.
    allow_responses: { max: 1, expires: `${ANSWER_S}s` },
  }),
  "control-plane": () => ({
    publish: [
      "$JS.API.>",
      "$JS.ACK.>",
      "$JS.FC.>",
      SUBJECTS.build,
      SUBJECTS.trial,
      SUBJECTS.serving,
      ...writing("releases"),
      ...writing("functions"),
      "$O.>",
    ],
    subscribe: [SUBJECTS.beat("*"), SUBJECTS.served("*")],
  }),
  auth: () => ({
    publish: [...reading("grants"), ...writing("grants")],
    subscribe: [],
  }),
};

function reading(bucket: BucketName): string[] {
  return readingStream(`KV_${BUCKETS[bucket]}`);
}

function writing(bucket: BucketName): string[] {
  return [`$KV.${BUCKETS[bucket]}.>`];
}

function readingObjects(store: ObjectStoreName): string[] {
  return readingStream(`OBJ_${OBJECT_STORES[store]}`);
}

/**
 * Writing an object also purges the chunks of an earlier one of the same name. It makes no consumers: with one of a stream that it writes, it
 * could have whatever it wants delivered to anybody.
 */
function writingObjects(store: ObjectStoreName): string[] {
  const stream = `OBJ_${OBJECT_STORES[store]}`;
  return [...lookingUp(stream), `$O.${OBJECT_STORES[store]}.>`, `$JS.API.STREAM.PURGE.${stream}`];
}

function lookingUp(stream: string): string[] {
  return [
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}.>`,
  ];
}

/** Looking up, and ordered consumers with flow control. */
function readingStream(stream: string): string[] {
  return [
    ...lookingUp(stream),
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.CONSUMER.INFO.${stream}.>`,
    `$JS.API.CONSUMER.DELETE.${stream}.>`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.>`,
    `$JS.FC.${stream}.>`,
    `$JS.ACK.${stream}.>`,
  ];
}
