/** A call whose answer may have no end: as much of it is read as says what it is. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { splitUrl } from "@millrace/e2e-tests";
import type { Told } from "./probe.ts";

const READ_BYTES_MAX = 2 * 1024 ** 2;

export type Spoken = {
  readonly status: number;
  /** `answer`, or the reason of a refusal. */
  readonly told: Told | string;
  readonly text: string;
  readonly tookMs: number;
};

/** Rejects when nothing is told in time. */
export function speakTo(url: string, body: string, timeoutMs: number): Promise<Spoken> {
  const { hostname, port, target } = splitUrl(url);
  const startedAt = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<Spoken>();
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const request = httpRequest({ hostname, port, path: target, method: "POST", headers, agent: false }, (response) => {
    // From now on what breaks is the answer.
    request.off("error", reject).on("error", () => {});
    readSome(response).then((bytes) => {
      const tookMs = performance.now() - startedAt;
      resolve({ status: response.statusCode!, ...readTold(response, bytes.toString()), tookMs });
      request.destroy();
    }, reject);
  });
  const timer = setTimeout(() => request.destroy(new Error(`no answer of ${url} in ${timeoutMs} ms`)), timeoutMs);
  request.on("error", reject);
  request.end(body);
  return promise.finally(() => clearTimeout(timer));
}

async function readSome(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > READ_BYTES_MAX) break;
    }
  } catch {
    // An answer that has begun and cannot be finished is broken off: that is how its caller is told.
  }
  return Buffer.concat(chunks);
}

function readTold({ headers }: IncomingMessage, text: string): Pick<Spoken, "told" | "text"> {
  if (headers["content-type"] !== "application/problem+json") return { told: "answer", text };
  return { told: (JSON.parse(text) as { reason: string }).reason, text };
}
