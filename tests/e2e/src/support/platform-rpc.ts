/** The gRPC side of a platform: one object for the methods of control-plane and auth. */
import type { MethodDefinition } from "@grpc/grpc-js";
import type { PlatformFile } from "@millrace/local";
import { type CallOptions, RpcClient } from "@millrace/rpc";

type Method<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  "path" | "requestSerialize" | "requestDeserialize" | "responseDeserialize"
>;

export type Addresses = Pick<PlatformFile, "controlPlaneAddress" | "authAddress">;

export class PlatformRpc {
  readonly #addresses: Addresses;
  readonly #controlPlane: RpcClient;
  readonly #auth: RpcClient;
  readonly #derived: PlatformRpc[] = [];

  constructor(addresses: Addresses, token?: string) {
    this.#addresses = addresses;
    const credential = token === undefined ? {} : { token: () => token };
    this.#controlPlane = new RpcClient({ address: addresses.controlPlaneAddress, ...credential });
    this.#auth = new RpcClient({ address: addresses.authAddress, ...credential });
  }

  /** The same platform, with another credential or none; closed with this one. */
  as(token: string | undefined): PlatformRpc {
    const derived = new PlatformRpc(this.#addresses, token);
    this.#derived.push(derived);
    return derived;
  }

  /** Top-level fields that are left out have their default. */
  call<Request extends object, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
    options?: CallOptions,
  ): Promise<Response> {
    const complete = Object.assign(method.requestDeserialize(Buffer.alloc(0)), request);
    return this.#clientOf(method.path).call(method, complete, options);
  }

  stream<Request, Response>(
    method: Method<Request, Response>,
    requests: Iterable<Request>,
    options?: CallOptions,
  ): Promise<Response> {
    return this.#clientOf(method.path).callClientStream(method, requests, options);
  }

  close(): void {
    for (const client of [this.#controlPlane, this.#auth, ...this.#derived]) client.close();
  }

  #clientOf(path: string): RpcClient {
    return path.startsWith("/millrace.auth.") ? this.#auth : this.#controlPlane;
  }
}
