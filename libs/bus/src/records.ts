import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { BUS_LIMITS } from "./limits.ts";

// How what is larger than a message is kept on the bus: packed, cut into parts, named by its digest.

/** The stored form of a record: protobuf, compressed. */
export function packRecord(bytes: Uint8Array): Buffer {
  return gzipSync(bytes, { level: 6 });
}

/** Throws when the bytes are no packed record or unpack to over `recordBytesMax`. */
export function unpackRecord(packed: Uint8Array): Buffer {
  return gunzipSync(packed, { maxOutputLength: BUS_LIMITS.recordBytesMax });
}

/** Cuts packed bytes into values that fit a bucket. */
export function splitParts(packed: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < packed.length; at += BUS_LIMITS.partBytesMax)
    parts.push(packed.subarray(at, at + BUS_LIMITS.partBytesMax));
  return parts;
}

/** Hex SHA-256: how artifacts and snapshots are named. */
export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
