import { createHash } from "node:crypto";
import { LIMITS } from "../limits.ts";
import { uploadTooLarge } from "./upload.ts";

/** Collects the bytes of an upload and hashes them on the way. Throws `invalid_argument` upload_too_large at the first byte too many. */
export async function receiveUpload(chunks: AsyncIterable<Uint8Array>): Promise<{ bytes: Buffer; digest: string }> {
  const hash = createHash("sha256");
  const received: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > LIMITS.uploadBytesMax) throw uploadTooLarge();
    hash.update(chunk);
    received.push(chunk);
  }
  return { bytes: Buffer.concat(received, size), digest: hash.digest("hex") };
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
