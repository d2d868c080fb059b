import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import type { RpcClient } from "@millrace/rpc";
import { STREAM_TIMEOUT_MS, UNARY_TIMEOUT_MS } from "../limits.ts";
import type { BridgedMethod, Peer } from "./catalogue.ts";
import { throwPeerFailure } from "./peer-failure.ts";

export interface PeerCall {
  method: BridgedMethod;
  token: string | undefined;
  /** Address and port of who called the console. */
  callerAddress: string;
  /** The caller's span. */
  traceparent?: string | undefined;
  signal: AbortSignal;
}

/** Calls methods of the peers with messages as bytes, so that the bridge needs no generated code. */
export class PeerClient {
  readonly #clients: Readonly<Record<Peer, RpcClient>>;

  constructor(clients: Readonly<Record<Peer, RpcClient>>) {
    this.#clients = clients;
  }

  /** Throws `unauthenticated` unless auth knows the caller's token. */
  async verify(call: Omit<PeerCall, "method">): Promise<void> {
    const options = optionsOf(call, UNARY_TIMEOUT_MS);
    await this.#clients.auth.call(PeopleServiceService.getMe, {}, options).catch(throwPeerFailure("auth"));
  }

  unary(call: PeerCall, request: Buffer): Promise<Buffer> {
    const answer = this.#client(call).call(rawMethod(call.method), request, optionsOf(call, UNARY_TIMEOUT_MS));
    return answer.catch(throwPeerFailure(call.method.peer));
  }

  /** A source that throws cancels the call. */
  async clientStream(call: PeerCall, requests: AsyncIterable<Buffer>): Promise<Buffer> {
    const failed = new AbortController();
    const signal = AbortSignal.any([call.signal, failed.signal]);
    try {
      const options = optionsOf({ ...call, signal }, STREAM_TIMEOUT_MS);
      return await this.#client(call).callClientStream(rawMethod(call.method), requests, options);
    } catch (error) {
      failed.abort();
      return throwPeerFailure(call.method.peer)(error);
    }
  }

  async *serverStream(call: PeerCall, request: Buffer): AsyncGenerator<Buffer> {
    try {
      const options = optionsOf(call, STREAM_TIMEOUT_MS);
      yield* this.#client(call).callServerStream(rawMethod(call.method), request, options);
    } catch (error) {
      throwPeerFailure(call.method.peer)(error);
    }
  }

  #client(call: PeerCall): RpcClient {
    return this.#clients[call.method.peer];
  }
}

function optionsOf(
  { token, callerAddress: forwardedFor, traceparent, signal }: Omit<PeerCall, "method">,
  timeoutMs: number,
) {
  return {
    timeoutMs,
    signal,
    forwardedFor,
    ...(token !== undefined && { token }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

function rawMethod(method: BridgedMethod) {
  const same = (bytes: Buffer) => bytes;
  return { path: `/${method.path}`, requestSerialize: same, responseDeserialize: same };
}
