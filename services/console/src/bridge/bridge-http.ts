import { once } from "node:events";
import { readTraceparent, writeTraceparent } from "@millrace/telemetry/trace-context";
import type { Exchange } from "../http/exchange.ts";
import { methodNotAllowed, routeNotFound } from "../http/http-refusal.ts";
import { problemOf } from "../http/problem.ts";
import {
  STREAM_BODY_BYTES_MAX,
  STREAM_MESSAGE_BYTES_MAX,
  STREAM_MESSAGES_MAX,
  UNARY_BODY_BYTES_MAX,
} from "../limits.ts";
import { credentialOf, type Origins } from "../sessions/credential.ts";
import type { BridgedMethod, BridgedService } from "./catalogue.ts";
import { bytesOfJson, jsonOfBytes } from "./message-json.ts";
import { splitMessages } from "./message-splitter.ts";
import type { PeerCall, PeerClient } from "./peer-client.ts";

const PREFIX = "/api/";

export interface BridgeDeps {
  catalogue: readonly BridgedService[];
  peers: PeerClient;
  origins: Origins;
}

/** Every public RPC as `POST /api/{package.Service}/{Method}` with JSON. */
export class Bridge {
  readonly #deps: BridgeDeps;
  readonly #methods: ReadonlyMap<string, BridgedMethod>;
  readonly #listing: string;

  constructor(deps: BridgeDeps) {
    this.#deps = deps;
    this.#methods = new Map(deps.catalogue.flatMap(({ methods }) => methods.map((method) => [method.path, method])));
    this.#listing = JSON.stringify({ services: deps.catalogue.map(describeService) }, null, 2);
  }

  list(exchange: Exchange): void {
    if (exchange.method !== "GET" && exchange.method !== "HEAD") throw methodNotAllowed("GET, HEAD");
    exchange.json(200, this.#listing);
  }

  async call(exchange: Exchange): Promise<void> {
    const method = this.#methods.get(exchange.path.slice(PREFIX.length));
    if (!method) throw routeNotFound("There is no such method; GET /api lists what there is.");
    if (exchange.method !== "POST") throw methodNotAllowed("POST");
    const token = credentialOf(exchange, this.#deps.origins);
    const { callerAddress, signal } = exchange;
    const call: PeerCall = { method, token, callerAddress, traceparent: traceparentOf(exchange), signal };
    if (method.descriptor.methodKind === "client_streaming") return this.#clientStream(exchange, call);
    const text = (await exchange.text(UNARY_BODY_BYTES_MAX, () => this.#deps.peers.verify(call))) || "{}";
    const request = bytesOfJson(method.descriptor.input, text);
    if (method.descriptor.methodKind === "server_streaming") return this.#serverStream(exchange, call, request);
    const answer = await this.#deps.peers.unary(call, request);
    exchange.json(200, jsonOfBytes(method.descriptor.output, answer));
  }

  async #clientStream(exchange: Exchange, call: PeerCall): Promise<void> {
    const { input, output } = call.method.descriptor;
    const { peers } = this.#deps;
    const body = exchange.chunks(STREAM_BODY_BYTES_MAX, async () => {
      await peers.verify(call);
      exchange.hold(STREAM_MESSAGE_BYTES_MAX);
    });
    const texts = splitMessages(body, {
      messageBytesMax: STREAM_MESSAGE_BYTES_MAX,
      messagesMax: STREAM_MESSAGES_MAX,
    });
    async function* messages() {
      for await (const text of texts) yield bytesOfJson(input, text);
    }
    const answer = await peers.clientStream(call, messages());
    exchange.json(200, jsonOfBytes(output, answer));
  }

  /** One message a line. A failure after the first line is a last line `{"error": problem}`. */
  async #serverStream(exchange: Exchange, call: PeerCall, request: Buffer): Promise<void> {
    const { response } = exchange;
    try {
      for await (const message of this.#deps.peers.serverStream(call, request)) {
        if (!response.headersSent) response.writeHead(200, { "content-type": "application/x-ndjson" });
        const line = `${jsonOfBytes(call.method.descriptor.output, message)}\n`;
        if (!response.write(line)) await once(response, "drain", { signal: exchange.signal });
      }
    } catch (error) {
      if (!response.headersSent || exchange.signal.aborted) throw error;
      response.write(`{"error":${problemOf(error, exchange.requestId).body.trimEnd()}}\n`);
    }
    if (!response.headersSent) response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.end();
  }
}

/** The caller's span, written anew: what cannot be read is not passed on, and no more of it than is known here. */
function traceparentOf(exchange: Exchange): string | undefined {
  const parent = readTraceparent(exchange.header("traceparent") ?? "");
  return parent ? writeTraceparent(parent) : undefined;
}

function describeService({ name, description, methods }: BridgedService) {
  return {
    name,
    description,
    methods: methods.map(({ path, descriptor, description }) => ({
      name: descriptor.name,
      url: PREFIX + path,
      kind: descriptor.methodKind,
      request: descriptor.input.typeName,
      response: descriptor.output.typeName,
      description,
    })),
  };
}
