import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PlatformError } from "@millrace/errors";
import type { ByteBudget } from "./byte-budget.ts";
import { bodyTooLarge } from "./http-refusal.ts";

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

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** The whole body as text. Throws `body_too_large`. */
  async text(bytesMax: number): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.chunks(bytesMax)) {
      this.hold(chunk.length);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  async *chunks(bytesMax: number): AsyncGenerator<Buffer> {
    if (Number(this.header("content-length") ?? 0) > bytesMax) throw bodyTooLarge(bytesMax);
    let bytes = 0;
    try {
      for await (const chunk of this.request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > bytesMax) throw bodyTooLarge(bytesMax);
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

function callerGone(): PlatformError {
  return new PlatformError("cancelled", "The caller is gone.", { reason: "cancelled" });
}
