import { type Refusal, refuse } from "../answering/reasons.ts";
import { BodyFeed } from "../dispatching/body-feed.ts";
import { EDGE_LIMITS } from "../limits.ts";
import type { Exchange } from "./exchange.ts";

export const BODY_TOO_LARGE: Refusal = {
  ...refuse("body_too_large", `The body is over ${EDGE_LIMITS.bodyBytesMax} bytes.`),
  closes: true,
};
const CUT_SHORT = refuse("request_malformed", "The body ended before it was complete.");
const EMPTY = Buffer.alloc(0);

/** The bytes of bodies that are held whole, over all requests. */
export class BodyBudget {
  #heldBytes = 0;

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes bytes until the exchange ends; false when there are none left. */
  take(exchange: Exchange, bytes: number): boolean {
    if (this.#heldBytes + bytes > EDGE_LIMITS.heldBodyBytesMax) return false;
    this.#heldBytes += bytes;
    exchange.response.once("close", () => {
      this.#heldBytes -= bytes;
    });
    return true;
  }
}

/** Reads the body to its end. A body whose length is not declared takes as much of the budget as a body may have. */
export async function readWholeBody(exchange: Exchange, budget: BodyBudget): Promise<Buffer | Refusal> {
  const { contentLength } = exchange.head!;
  if (contentLength === 0) return EMPTY;
  if (!budget.take(exchange, contentLength ?? EDGE_LIMITS.bodyBytesMax)) {
    return refuse("overloaded", "This gateway holds as many bodies as it can.");
  }
  beginBody(exchange);
  const pieces: Buffer[] = [];
  return new Promise((resolve) => {
    exchange.request
      .on("data", (piece: Buffer) => {
        exchange.bytesIn += piece.length;
        if (exchange.bytesIn > EDGE_LIMITS.bodyBytesMax) resolve(BODY_TOO_LARGE);
        else pieces.push(piece);
      })
      .once("end", () => resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)))
      .once("close", () => resolve(CUT_SHORT));
  });
}

/** Hands the body on as it comes, no faster than it is taken. `onTooLarge` is called once, when it outgrows the limit. */
export function feedBody(exchange: Exchange, onTooLarge: () => void): BodyFeed {
  const { request } = exchange;
  const feed = new BodyFeed();
  feed.onTaken = () => {
    if (feed.untakenBytes < EDGE_LIMITS.smallBodyBytesMax) request.resume();
  };
  request
    .on("data", (piece: Buffer) => {
      exchange.bytesIn += piece.length;
      if (!exchange.bodyWanted) {
        if (exchange.bytesIn > EDGE_LIMITS.bodyBytesMax && exchange.response.writableEnded) request.destroy();
        return;
      }
      const before = exchange.bytesIn - piece.length;
      if (before > EDGE_LIMITS.bodyBytesMax) return;
      if (exchange.bytesIn > EDGE_LIMITS.bodyBytesMax) {
        onTooLarge();
        return;
      }
      feed.push(piece);
      if (feed.untakenBytes >= EDGE_LIMITS.smallBodyBytesMax) request.pause();
    })
    .once("end", () => feed.finish());
  beginBody(exchange);
  return feed;
}

function beginBody({ expectsContinue, response }: Exchange): void {
  if (expectsContinue) response.writeContinue();
}
