import { createHash } from "node:crypto";
import { LIMITS } from "../limits.ts";
import { uploadTooLarge, uploadTooSlow } from "./upload.ts";

const SLAB_BYTES = 256 * 1024;

/**
 * Collects the bytes of an upload and hashes them on the way; they are copied together, so that many small chunks take no more memory
 * than few large ones. Throws `invalid_argument` upload_too_large at the first byte too many.
 */
export async function receiveUpload(chunks: AsyncIterable<Uint8Array>): Promise<{ bytes: Buffer; digest: string }> {
  const hash = createHash("sha256");
  const slabs: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    if (size + chunk.length > LIMITS.uploadBytesMax) throw uploadTooLarge();
    hash.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const used = size % SLAB_BYTES;
      if (used === 0) slabs.push(Buffer.allocUnsafe(SLAB_BYTES));
      const part = chunk.subarray(at, at + SLAB_BYTES - used);
      slabs.at(-1)!.set(part, used);
      at += part.length;
      size += part.length;
    }
  }
  return { bytes: Buffer.concat(slabs, size), digest: hash.digest("hex") };
}

/** Hands on chunks as long as the next one that is not empty comes in time. Throws `deadline_exceeded` upload_timeout. */
export async function* unlessStalled(chunks: AsyncIterable<Uint8Array>, stallMs: number): AsyncGenerator<Uint8Array> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(uploadTooSlow()), stallMs).unref();
  try {
    for await (const chunk of untilAborted(chunks, stalled.signal)) {
      if (chunk.length === 0) continue;
      timer.refresh();
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Hands on what comes until it ends or the signal aborts; a sender that falls silent holds nobody for ever. */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    iterator.return?.().catch(() => {});
  }
}
