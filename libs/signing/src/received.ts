/** For tests: an HTTP server that keeps the last request as it came in, and the question whether its signature holds. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { deriveKey, type HeaderPair, isFailure, readSignature, sha256Hex, verify } from "./mod.ts";

export interface Received {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly HeaderPair[];
  readonly body: Buffer;
}

export interface Receiver extends AsyncDisposable {
  readonly port: number;
  readonly requests: Received[];
}

export async function receive(): Promise<Receiver> {
  const requests: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = request.rawHeaders;
    const headers = raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] as string] as const] : []));
    requests.push({
      method: request.method as string,
      target: request.url as string,
      headers,
      body: Buffer.concat(chunks),
    });
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** True, or why not. */
export function holds(received: Received, secret: string): true | string {
  const presented = readSignature(received.headers);
  if (isFailure(presented)) return presented.detail;
  const { credential, declaredBody } = presented;
  const bodySha256Hex = sha256Hex(received.body);
  if (declaredBody.kind === "sha256" && declaredBody.sha256Hex !== bodySha256Hex) return "another body";
  const derivedKey = deriveKey(credential.profile, secret, credential);
  return verify({ ...presented, derivedKey, request: { ...received, bodySha256Hex } }) || "another signature";
}
