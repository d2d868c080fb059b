import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { causeChain, PlatformError } from "@millrace/errors";
import { HealthCheckResponse_ServingStatus, HealthService } from "@millrace/proto/google";
import type { Access, AccessTable, Principal } from "./access.ts";
import { authorize } from "./authorize.ts";
import { type CallRecord, type CallRecorder, NO_RECORDER } from "./call-record.ts";
import { callerOf, type Forwarders } from "./forwarding.ts";
import { addReflection } from "./reflection.ts";
import { toStatus } from "./rpc-errors.ts";

/** What a use case gets beside its request. */
export interface RpcContext {
  principal: Principal;
  /** Full method path. */
  method: string;
  /** Aborts when the caller is gone or its deadline has passed. */
  signal: AbortSignal;
}

type UnaryHandler = (request: never, context: RpcContext) => Promise<unknown>;
type ClientStreamHandler = (requests: AsyncIterable<never>, context: RpcContext) => Promise<unknown>;
type ServerStreamHandler = (request: never, context: RpcContext) => AsyncIterable<unknown>;
export type Handler = UnaryHandler | ClientStreamHandler | ServerStreamHandler;

type Decoded<M> = M extends { requestDeserialize: (bytes: Buffer) => infer Request } ? Request : never;
type Encoded<M> = M extends { responseSerialize: (value: infer Response) => Buffer } ? Response : never;
type HandlerOf<M> = M extends { requestStream: true }
  ? (requests: AsyncIterable<Decoded<M>>, context: RpcContext) => Promise<Encoded<M>>
  : M extends { responseStream: true }
    ? (request: Decoded<M>, context: RpcContext) => AsyncIterable<Encoded<M>>
    : (request: Decoded<M>, context: RpcContext) => Promise<Encoded<M>>;
/** Handlers of every method of a service, e.g. `const handlers: HandlersOf<typeof ProjectServiceService> = {…}`. */
export type HandlersOf<Definition> = { [Name in keyof Definition]: HandlerOf<Definition[Name]> };

export interface RpcLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface RpcServerOptions {
  access: AccessTable;
  /** Turns the bearer token of a call into its principal. Throws `unauthenticated`. */
  authenticate(token: string): Promise<Principal>;
  /** Whose word for where a call comes from may be taken; absent: nobody's. */
  forwarders?: Forwarders;
  /** Sees every call; absent: nothing is recorded. */
  recorder?: CallRecorder;
  /** Hears of every call that is over, and must not throw. */
  onEnd?: ((call: EndedCall) => void) | undefined;
  log: RpcLog;
  tls?: { certFile: string; keyFile: string } | undefined;
}

/** A call that is over, as those who measure see it. */
export interface EndedCall {
  /** Full method path. */
  method: string;
  /** As the caller sent it; empty for none. */
  traceparent: string;
  /** How long it lasts is up to its caller. */
  isStream: boolean;
  /** On performance.now()'s clock. */
  startedAtMs: number;
  endedAtMs: number;
  /** Undefined when it went well. */
  error: PlatformError | undefined;
}

const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
const UNARY_TIMEOUT_MS = 60_000;

/** A gRPC server in which no handler can forget to answer: every one runs through the same wrapper. */
export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #server = new Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_concurrent_streams": 1_000,
    "grpc.keepalive_time_ms": 60_000,
  });
  readonly #services: string[] = [];
  /** Streams of health that stay open as long as the server does. */
  readonly #watchers = new Set<ServerWritableStream<{ service: string }, unknown>>();
  #serving = true;

  constructor(options: RpcServerOptions) {
    this.#options = options;
  }

  /** Serves a service. Throws when the access table lacks one of its methods. */
  add<Definition extends object>(definition: Definition, handlers: HandlersOf<Definition>): this {
    const methods = definition as unknown as ServiceDefinition;
    const wrapped: Record<string, UntypedHandleCall> = {};
    for (const [name, method] of Object.entries(methods)) {
      const access = this.#options.access[method.path];
      if (!access) throw new Error(`the access table has no row for ${method.path}`);
      const handler = (handlers as Record<string, Handler>)[name]!;
      wrapped[name] = this.#wrap(handler.bind(handlers) as Handler, method, access);
    }
    this.#server.addService(methods, wrapped);
    this.#services.push(Object.values(methods)[0]!.path.split("/")[1]!);
    return this;
  }

  /** Adds health and reflection, binds, and answers the port. */
  async listen(host: string, port: number): Promise<number> {
    this.#addHealth();
    addReflection(this.#server, this.#services);
    const { tls } = this.#options;
    const credentials = tls
      ? ServerCredentials.createSsl(null, [
          { cert_chain: readFileSync(tls.certFile), private_key: readFileSync(tls.keyFile) },
        ])
      : ServerCredentials.createInsecure();
    return promisify(this.#server.bindAsync.bind(this.#server))(
      `${host.includes(":") ? `[${host}]` : host}:${port}`,
      credentials,
    );
  }

  /** Refuses new calls and waits for running ones. */
  async drain(): Promise<void> {
    this.#serving = false;
    for (const watcher of this.#watchers) {
      watcher.write({ status: HealthCheckResponse_ServingStatus.NOT_SERVING });
      watcher.end();
    }
    await promisify(this.#server.tryShutdown.bind(this.#server))();
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #wrap(handler: Handler, method: Method, access: Access): UntypedHandleCall {
    if (method.requestStream) return this.#clientStream(handler as ClientStreamHandler, method, access);
    if (method.responseStream) return this.#serverStream(handler as ServerStreamHandler, method, access);
    return this.#unary(handler as UnaryHandler, method, access);
  }

  async #record(call: AnyCall, { path: method, requestSerialize: encode }: Method): Promise<CallRecord> {
    const { recorder = NO_RECORDER, forwarders } = this.#options;
    const [userAgent = ""] = call.metadata.get("user-agent").map(String);
    return recorder.begin({ method, encode, peer: await callerOf(call, forwarders), userAgent });
  }

  /** Answers what is to be called at the call's end, with what it failed of. */
  #timed(call: AnyCall, { path: method, requestStream, responseStream }: Method): (thrown?: unknown) => void {
    const { onEnd } = this.#options;
    if (!onEnd) return () => {};
    const startedAtMs = performance.now();
    const [traceparent = ""] = call.metadata.get("traceparent").map(String);
    return (thrown) => {
      const error = thrown === undefined ? undefined : PlatformError.from(thrown);
      const isStream = requestStream || responseStream;
      onEnd({ method, traceparent, isStream, startedAtMs, endedAtMs: performance.now(), error });
    };
  }

  #unary(handler: UnaryHandler, method: Method, access: Access): UntypedHandleCall {
    const handle = async (call: ServerUnaryCall<never, unknown>, answer: sendUnaryData<unknown>) => {
      const end = this.#timed(call, method);
      const record = await this.#record(call, method);
      record.request = call.request;
      try {
        const context = await this.#contextOf(call, method.path, UNARY_TIMEOUT_MS);
        record.principal = context.principal;
        authorize(access, context.principal, call.request);
        answer(null, await record.run(() => handler(call.request, context)));
        end();
      } catch (error) {
        record.refused(error);
        end(error);
        answer(this.#failure(error, method.path));
      }
    };
    return handle as unknown as UntypedHandleCall;
  }

  /** A stream's request is not known yet: its use case checks the role by the first message. */
  #clientStream(handler: ClientStreamHandler, method: Method, access: Access): UntypedHandleCall {
    const handle = async (call: ServerReadableStream<never, unknown>, answer: sendUnaryData<unknown>) => {
      const end = this.#timed(call, method);
      const record = await this.#record(call, method);
      try {
        const context = await this.#contextOf(call, method.path);
        record.principal = context.principal;
        authorize(access.who === "member" ? { who: "person" } : access, context.principal, undefined);
        const requests = heard(call as unknown as AsyncIterable<never>, record);
        answer(null, await record.run(() => handler(requests, context)));
        end();
      } catch (error) {
        record.refused(error);
        end(error);
        answer(this.#failure(error, method.path));
      }
    };
    return handle as unknown as UntypedHandleCall;
  }

  #serverStream(handler: ServerStreamHandler, method: Method, access: Access): UntypedHandleCall {
    const handle = async (call: ServerWritableStream<never, unknown>) => {
      const end = this.#timed(call, method);
      const record = await this.#record(call, method);
      record.request = call.request;
      try {
        const context = await this.#contextOf(call, method.path);
        record.principal = context.principal;
        authorize(access, context.principal, call.request);
        await record.run(async () => {
          for await (const message of handler(call.request, context)) {
            if (!call.write(message)) await drained(call, context.signal);
          }
        });
        call.end();
        end();
      } catch (error) {
        record.refused(error);
        end(error);
        call.emit("error", this.#failure(error, method.path));
      }
    };
    return handle as unknown as UntypedHandleCall;
  }

  async #contextOf(call: AnyCall, method: string, timeoutMs?: number): Promise<RpcContext> {
    const gone = new AbortController();
    const leave = () => gone.abort(new PlatformError("cancelled", "The caller is gone.", { reason: "cancelled" }));
    call.on("cancelled", leave);
    // It may have left before anybody listened.
    if (call.cancelled) leave();
    const signal =
      timeoutMs === undefined ? gone.signal : AbortSignal.any([gone.signal, AbortSignal.timeout(timeoutMs)]);
    const [header] = call.metadata.get("authorization");
    const token = /^Bearer +(\S+)$/i.exec(String(header ?? ""))?.[1];
    const principal = token ? await this.#options.authenticate(token) : ({ kind: "anonymous" } as const);
    return { principal, method, signal };
  }

  /** Logs what is ours to mend, and answers the status. */
  #failure(thrown: unknown, method: string) {
    const error = PlatformError.from(thrown);
    const { log } = this.#options;
    if (error.code === "internal" || error.code === "data_loss") log.error({ err: error, method }, "a call failed");
    else if (error.code === "unavailable") log.warn({ err: error, method }, "a call could not be served");
    else
      log.debug({ method, code: error.code, reason: error.reason, messages: causeChain(error) }, "a call was refused");
    return toStatus(error);
  }

  #addHealth(): void {
    const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;
    const statusOf = (service: string) => {
      if (service !== "" && !this.#services.includes(service)) return SERVICE_UNKNOWN;
      return this.#serving ? SERVING : NOT_SERVING;
    };
    this.#server.addService(HealthService as unknown as ServiceDefinition, {
      check: (call: ServerUnaryCall<{ service: string }, unknown>, answer: sendUnaryData<unknown>) => {
        const status = statusOf(call.request.service);
        if (status === SERVICE_UNKNOWN)
          answer({ code: 5, details: `There is no service ${call.request.service}.`, metadata: new Metadata() });
        else answer(null, { status });
      },
      watch: (call: ServerWritableStream<{ service: string }, unknown>) => {
        call.write({ status: statusOf(call.request.service) });
        this.#watchers.add(call);
        call.on("close", () => this.#watchers.delete(call));
      },
    });
  }
}

type AnyCall = {
  metadata: Metadata;
  cancelled: boolean;
  getPeer(): string;
  on(event: "cancelled", listener: () => void): unknown;
};

interface Method {
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  requestSerialize(request: unknown): Buffer;
}

/** The messages as they come; the first is the record's request. */
async function* heard<Message>(messages: AsyncIterable<Message>, record: CallRecord): AsyncGenerator<Message> {
  for await (const message of messages) {
    record.request ??= message;
    yield message;
  }
}

function drained(call: ServerWritableStream<never, unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    call.once("drain", resolve);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
