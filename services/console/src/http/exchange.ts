import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PlatformError } from "@millrace/errors";
import { BODY_STALL_TIMEOUT_MS, UNVERIFIED_BODY_BYTES_MAX } from "../limits.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { bodyTimeout, bodyTooLarge } from "./http-refusal.ts";

/** One HTTP request and its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId = randomUUID();
  readonly path: string;
  /** Aborts when the caller is gone before its answer. */
  readonly signal: AbortSignal;

  readonly #budget: ByteBudget;
  #heldBytes = 0;

  constructor(request: IncomingMessage, response: ServerResponse, budget: ByteBudget) {
    this.request = request;
    this.response = response;
    this.#budget = budget;
    this.path = (request.url ?? "/").split("?", 1)[0]!;
    const gone = new AbortController();
    this.signal = gone.signal;
    response.on("close", () => {
      if (!response.writableFinished) gone.abort(callerGone());
    });
  }

  get method(): string {
    return this.request.method ?? "GET";
  }

  /** Address and port. A proxy's in front of the console is its own: nobody's word is taken for others. */
  get callerAddress(): string {
    const { remoteAddress = "", remotePort = 0 } = this.request.socket;
    const address = remoteAddress.replace(/^::ffff:(?=[0-9.]+$)/, "");
    return address.includes(":") ? `[${address}]:${remotePort}` : `${address}:${remotePort}`;
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** The whole body as text. Errors as of `chunks`. */
  async text(bytesMax: number, verify?: () => Promise<void>): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.chunks(bytesMax, verify)) {
      this.hold(chunk.length);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  /**
   * The body as it comes. `verify` is asked once, before more is taken than anybody may send. Throws `body_too_large`, `body_timeout`,
   * and what `verify` throws.
   */
  async *chunks(bytesMax: number, verify?: () => Promise<void>): AsyncGenerator<Buffer> {
    if (Number(this.header("content-length") ?? 0) > bytesMax) throw bodyTooLarge(bytesMax);
    let bytes = 0;
    let verified = verify === undefined;
    try {
      for await (const chunk of unlessStalled(this.request as AsyncIterable<Buffer>)) {
        bytes += chunk.length;
        if (bytes > bytesMax) throw bodyTooLarge(bytesMax);
        if (!verified && bytes > UNVERIFIED_BODY_BYTES_MAX) {
          await verify?.();
          verified = true;
        }
        yield chunk;
      }
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "ECONNRESET" ? callerGone() : error;
    }
  }

  /** Counts memory that this request holds until its end. Throws `unavailable` overloaded. */
  hold(bytes: number): void {
    this.#budget.take(bytes);
    this.#heldBytes += bytes;
  }

  end(): void {
    this.#budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }

  json(status: number, body: string, headers: Record<string, string | string[]> = {}): void {
    this.response.writeHead(status, { "content-type": "application/json", ...headers }).end(`${body}\n`);
  }
}

/** Hands on what comes as long as the next of it comes in time; the time that its reader takes does not count. */
async function* unlessStalled(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stalled = Promise.withResolvers<never>();
  stalled.promise.catch(() => {});
  const iterator = body[Symbol.asyncIterator]();
  for (;;) {
    const timer = setTimeout(() => stalled.reject(bodyTimeout()), BODY_STALL_TIMEOUT_MS);
    const next = await Promise.race([iterator.next(), stalled.promise]).finally(() => clearTimeout(timer));
    if (next.done) return;
    yield next.value;
  }
}

function callerGone(): PlatformError {
  return new PlatformError("cancelled", "The caller is gone.", { reason: "cancelled" });
}
