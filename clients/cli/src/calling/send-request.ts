import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { PlatformError } from "@millrace/errors";
import { PROFILES, sign } from "@millrace/signing";
import { HTTP_BODY_BYTES_MAX, HTTP_TIMEOUT_MS } from "../limits.ts";
import type { Credential } from "./credential.ts";
import type { Endpoint } from "./endpoint.ts";

export interface HttpCall {
  endpoint: Endpoint;
  method: string;
  /** With its query, after the deployment's base. */
  path: string;
  headers: readonly [string, string][];
  body: Buffer;
  credential: Credential;
}

export interface HttpAnswer {
  status: number;
  statusText: string;
  /** As received. */
  headers: readonly [string, string][];
  body: Buffer;
}

export async function sendRequest(call: HttpCall): Promise<HttpAnswer> {
  const url = new URL(call.endpoint.baseUrl + call.path);
  const headers = [...call.headers, ...credentialHeaders(call, url)];
  // Given as a list, to keep their order and spelling, headers are all that Node sends.
  if (!headers.some(([name]) => name.toLowerCase() === "host")) headers.unshift(["host", url.host]);
  if (call.body.length > 0) headers.push(["content-length", String(call.body.length)]);
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  const answered = Promise.withResolvers<HttpAnswer>();
  const sent = send(url, {
    method: call.method,
    headers: headers.flat(),
    signal: AbortSignal.timeout(HTTP_TIMEOUT_MS),
  });
  sent.on("error", (cause) => answered.reject(unreachable(url, cause)));
  sent.on("response", async (response) => {
    try {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > HTTP_BODY_BYTES_MAX) throw new Error(`the body is over ${HTTP_BODY_BYTES_MAX} bytes`);
        chunks.push(chunk);
      }
      const { statusCode = 0, statusMessage = "", rawHeaders } = response;
      const body = Buffer.concat(chunks);
      answered.resolve({ status: statusCode, statusText: statusMessage, headers: pairs(rawHeaders), body });
    } catch (cause) {
      sent.destroy();
      answered.reject(unreachable(url, cause));
    }
  });
  sent.end(call.body);
  return answered.promise;
}

function credentialHeaders({ credential, endpoint, method, headers, body }: HttpCall, url: URL): [string, string][] {
  if (credential.kind === "none") return [];
  if (credential.kind === "subscription") return [["x-api-key", credential.value]];
  const { algorithm, keyId, secret } = credential;
  const { region, service } = endpoint;
  const signed = sign(PROFILES[algorithm], { method, url: url.href, headers, body, keyId, secret, region, service });
  return Object.entries(signed);
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]!] as [string, string]] : []));
}

function unreachable(url: URL, cause: unknown): PlatformError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new PlatformError("unavailable", `${url.origin} does not answer (${code ?? message}).`, {
    reason: "gateway_unavailable",
    cause,
  });
}
