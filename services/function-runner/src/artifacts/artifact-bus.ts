import { digestOf, type openObjects } from "@millrace/bus";
import { PlatformError } from "@millrace/errors";
import { ARTIFACT_LIMITS } from "../limits.ts";

type ObjectStore = Awaited<ReturnType<typeof openObjects>>;

/** Reads an artifact. Throws as `readObject` does. */
export function readArtifact(store: ObjectStore, digest: string): Promise<Uint8Array> {
  return readObject(store, digest, ARTIFACT_LIMITS.packedBytesMax);
}

/**
 * Reads an object that is named by its SHA-256. Throws `not_found`; `data_loss` when it is not what its name says; `deadline_exceeded`
 * when it does not come: the bus's client waits for ever for a piece that is lost.
 */
export async function readObject(store: ObjectStore, digest: string, bytesMax: number): Promise<Uint8Array> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(tooSlow(digest)), ARTIFACT_LIMITS.fetchTimeoutMs);
  try {
    return await Promise.race([readWhole(store, digest, bytesMax), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function readWhole(store: ObjectStore, digest: string, bytesMax: number): Promise<Uint8Array> {
  const entry = await store.info(digest);
  if (!entry || entry.deleted) throw missing(digest);
  if (entry.size > bytesMax) {
    throw new PlatformError("resource_exhausted", `The object ${digest} is over ${bytesMax} bytes.`, {
      reason: "upload_too_large",
    });
  }
  const bytes = await store.getBlob(digest);
  if (!bytes) throw missing(digest);
  if (digestOf(bytes) === digest) return bytes;
  throw new PlatformError("data_loss", "An object is not what its name says.", {
    reason: "artifact_corrupt",
    internal: digest,
  });
}

function missing(digest: string): PlatformError {
  return new PlatformError("not_found", "The code is not on the bus.", {
    reason: "artifact_missing",
    internal: digest,
  });
}

function tooSlow(digest: string): PlatformError {
  return new PlatformError("deadline_exceeded", "The code did not arrive in time.", {
    reason: "artifact_slow",
    internal: digest,
  });
}
