import { readFileSync } from "node:fs";
import {
  Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import type { PlatformError } from "@millrace/errors";
import { FORWARDED_BY, FORWARDED_FOR } from "./forwarding.ts";
import { fromServiceError } from "./rpc-errors.ts";

export interface RpcClientOptions {
  /** `host:port` */
  address: string;
  /** PEM file of the authority that signed the server's certificate; absent: no TLS. */
  caFile?: string | undefined;
  /** The bearer token of each call, unless the call brings its own. */
  token?: () => Promise<string> | string | undefined;
  /** A service's own token for the callee: what proves that it may say for whom it calls. */
  forwarder?: (() => Promise<string> | string) | undefined;
}

export interface CallOptions {
  timeoutMs?: number;
  token?: string;
  /** Address of whom this call is made for; it is said when the client has a forwarder. */
  forwardedFor?: string;
  /** The span that the call is part of; absent: none. */
  traceparent?: string;
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

type Method<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  "path" | "requestSerialize" | "responseDeserialize"
>;

/** Calls methods of generated service definitions, e.g. `client.call(ProjectServiceService.getProject, {name})`. Errors are PlatformErrors. */
export class RpcClient {
  readonly #client: Client;
  readonly #token: RpcClientOptions["token"];
  readonly #forwarder: RpcClientOptions["forwarder"];

  constructor(options: RpcClientOptions) {
    const channel = options.caFile ? credentials.createSsl(readFileSync(options.caFile)) : credentials.createInsecure();
    this.#token = options.token;
    this.#forwarder = options.forwarder;
    this.#client = new Client(options.address, channel, {
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 2_000,
      "grpc.keepalive_time_ms": 60_000,
    });
  }

  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const metadata = await this.#metadata(options);
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline: deadlineOf(options) },
        settle(resolve, reject),
      );
      cancelOn(options.signal, call);
    });
  }

  /** Sends each message with back-pressure. A server that answers early ends the stream. */
  async callClientStream<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    const metadata = await this.#metadata(options);
    const answered = Promise.withResolvers<Response>();
    const call = this.#client.makeClientStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadata,
      { deadline: deadlineOf(options) },
      settle(answered.resolve, answered.reject),
    );
    cancelOn(options.signal, call);
    let over = false;
    const ended = answered.promise.then(
      () => (over = true),
      () => (over = true),
    );
    for await (const request of requests) {
      if (over) break;
      if (!call.write(request)) await Promise.race([new Promise((resolve) => call.once("drain", resolve)), ended]);
    }
    call.end();
    return answered.promise;
  }

  async *callServerStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): AsyncGenerator<Response> {
    const metadata = await this.#metadata(options);
    const call = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      options.timeoutMs === undefined ? {} : { deadline: deadlineOf(options) },
    );
    cancelOn(options.signal, call);
    try {
      for await (const message of call) yield message as Response;
    } catch (error) {
      throw fromServiceError(error as ServiceError);
    } finally {
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  async #metadata(options: CallOptions): Promise<Metadata> {
    const metadata = new Metadata();
    const token = options.token ?? (await this.#token?.());
    if (token) metadata.set("authorization", `Bearer ${token}`);
    if (options.traceparent !== undefined) metadata.set("traceparent", options.traceparent);
    if (options.forwardedFor !== undefined && this.#forwarder) {
      metadata.set(FORWARDED_FOR, options.forwardedFor);
      metadata.set(FORWARDED_BY, await this.#forwarder());
    }
    return metadata;
  }
}

function deadlineOf({ timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions): number {
  return Date.now() + timeoutMs;
}

function settle<T>(resolve: (value: T) => void, reject: (error: PlatformError) => void) {
  return (error: ServiceError | null, value?: T) => (error ? reject(fromServiceError(error)) : resolve(value as T));
}

function cancelOn(signal: AbortSignal | undefined, call: Pick<ClientUnaryCall, "cancel">): void {
  signal?.addEventListener("abort", () => call.cancel(), { once: true });
}
