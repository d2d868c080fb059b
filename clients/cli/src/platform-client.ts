import { PlatformError } from "@millrace/errors";
import { RpcClient } from "@millrace/rpc";
import { CALL_TIMEOUT_MS, LISTED_MAX, PAGE_SIZE } from "./limits.ts";
import type { PlatformAddresses } from "./profiles/profile.ts";

type Method<Request, Response> = Parameters<typeof RpcClient.prototype.call<Request, Response>>[0];
type ListRequest = { pageSize: number; pageToken: string };

export interface CallBounds {
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** The platform's RPCs, each sent to the service that serves it. */
export class PlatformClient {
  readonly #addresses: PlatformAddresses;
  readonly #token: string | undefined;
  readonly #clients = new Map<string, RpcClient>();

  constructor(addresses: PlatformAddresses, token?: string) {
    this.#addresses = addresses;
    this.#token = token;
  }

  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    bounds: CallBounds = {},
  ): Promise<Response> {
    const { name, client } = this.#peer(method.path);
    try {
      return await client.call(method, request, { timeoutMs: CALL_TIMEOUT_MS, ...bounds });
    } catch (error) {
      throw transportFailure(error, name);
    }
  }

  async callClientStream<Request, Response>(
    method: Method<Request, Response>,
    requests: Iterable<Request>,
    bounds: CallBounds,
  ): Promise<Response> {
    const { name, client } = this.#peer(method.path);
    try {
      return await client.callClientStream(method, requests, bounds);
    } catch (error) {
      throw transportFailure(error, name);
    }
  }

  /** What a server tells as it comes, for as long as it does. */
  async *callServerStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    bounds: CallBounds = {},
  ): AsyncGenerator<Response> {
    const { name, client } = this.#peer(method.path);
    try {
      yield* client.callServerStream(method, request, bounds);
    } catch (error) {
      throw transportFailure(error, name);
    }
  }

  /** Every page of a list. */
  async listAll<Request extends ListRequest, Response extends { nextPageToken: string }, Item>(
    method: Method<Request, Response>,
    request: Request,
    items: (page: Response) => readonly Item[],
  ): Promise<Item[]> {
    const all: Item[] = [];
    let pageToken = "";
    do {
      const page = await this.call(method, { ...request, pageSize: PAGE_SIZE, pageToken });
      all.push(...items(page));
      pageToken = page.nextPageToken;
    } while (pageToken !== "" && all.length < LISTED_MAX);
    return all;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #peer(path: string): { name: string; client: RpcClient } {
    const { controlPlaneAddress, authAddress, caFile } = this.#addresses;
    const [service, address] = path.startsWith("/millrace.auth.")
      ? ["auth", authAddress]
      : ["control-plane", controlPlaneAddress];
    const token = this.#token;
    const known = this.#clients.get(address);
    const client = known ?? new RpcClient({ address, caFile, token: () => token });
    this.#clients.set(address, client);
    return { name: `${service} at ${address}`, client };
  }
}

/** grpc-js describes a lost connection in terms of itself. */
function transportFailure(error: unknown, name: string): unknown {
  if (!(error instanceof PlatformError) || error.reason !== "rpc_failed") return error;
  const { code } = error;
  if (code === "unavailable") {
    const message = `${name} does not answer; is the platform running?`;
    return new PlatformError(code, message, { reason: "platform_unavailable", cause: error });
  }
  if (code === "deadline_exceeded") {
    return new PlatformError(code, `${name} did not answer in time.`, { reason: "platform_timeout", cause: error });
  }
  return error;
}
