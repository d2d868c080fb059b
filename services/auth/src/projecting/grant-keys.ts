import { BUCKETS, KEYS } from "@millrace/bus";
import type { MarkedKey } from "@millrace/projection";

// The keys of the bucket `grants` that a change touches.

export function markOf(key: string): MarkedKey {
  return { bucket: BUCKETS.grants, key };
}

export function accessKeyMark(keyId: string): MarkedKey {
  return markOf(KEYS.accessKey(keyId));
}

export function subscriptionKeyMark(keyHash: string): MarkedKey {
  return markOf(KEYS.subscriptionKey(keyHash));
}

export interface Grant {
  hostLabel: string;
  keyId: string;
}

export function authorizationMark({ hostLabel, keyId }: Grant): MarkedKey {
  return markOf(KEYS.authorization(hostLabel, keyId));
}
