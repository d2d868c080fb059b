import { type Refusal, refuse } from "../answering/reasons.ts";
import { BodyFeed } from "../dispatching/body-feed.ts";
import { EDGE_LIMITS } from "../limits.ts";
import { BodyPace } from "./body-pace.ts";
import type { Exchange } from "./exchange.ts";

export const BODY_TOO_LARGE: Refusal = {
  ...refuse("body_too_large", `The body is over ${EDGE_LIMITS.wholeBodyBytesMax} bytes.`),
  closes: true,
};
const CUT_SHORT = refuse("request_malformed", "The body ended before it was complete.");
const TOO_SLOW: Refusal = { ...refuse("request_malformed", "The body did not arrive in time."), closes: true };
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
  const { wholeBodyBytesMax, wholeBodyTimeoutMs } = EDGE_LIMITS;
  if (contentLength === 0) return EMPTY;
  // Who has left already leaves no second time: nothing would give the bytes back.
  if (exchange.response.destroyed) return CUT_SHORT;
  if (contentLength !== null && contentLength > wholeBodyBytesMax) return BODY_TOO_LARGE;
  if (!budget.take(exchange, contentLength ?? wholeBodyBytesMax)) {
    return refuse("overloaded", "This gateway holds as many bodies as it can.");
  }
  if (exchange.expectsContinue) exchange.response.writeContinue();
  const pieces: Buffer[] = [];
  let timer: NodeJS.Timeout | undefined;
  return new Promise<Buffer | Refusal>((resolve) => {
    timer = setTimeout(resolve, wholeBodyTimeoutMs, TOO_SLOW);
    exchange.request
      .on("data", (piece: Buffer) => {
        exchange.bytesIn += piece.length;
        if (exchange.bytesIn > wholeBodyBytesMax) resolve(BODY_TOO_LARGE);
        else pieces.push(piece);
      })
      .once("end", () => resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)))
      .once("close", () => resolve(CUT_SHORT));
  }).finally(() => clearTimeout(timer));
}

/**
 * Hands the body on as it comes, no faster than it is taken. `onFault` is called once, when it outgrows `bytesMax` or comes too slowly for a
 * function that waits for it. Who waits for `100 Continue` is told to go on when a runner was found for the request.
 */
export function feedBody(exchange: Exchange, bytesMax: number, onFault: (refusal: Refusal) => void): BodyFeed {
  const { request, response } = exchange;
  const feed = new BodyFeed();
  const pace = new BodyPace(() => {
    // With a function that has begun to answer it is a conversation, which may rest.
    if (!exchange.answered) onFault(TOO_SLOW);
  });
  feed.onWanted = () => {
    if (exchange.expectsContinue) response.writeContinue();
    pace.begin();
  };
  response.once("close", () => pace.end());
  let discardedBytes = 0;
  feed.onTaken = () => {
    if (feed.untakenBytes >= EDGE_LIMITS.smallBodyBytesMax) return;
    request.resume();
    // What has arrived may still wait to be read.
    if (!request.complete) pace.begin();
  };
  request
    .on("data", (piece: Buffer) => {
      exchange.bytesIn += piece.length;
      pace.note(piece.length);
      if (!exchange.bodyWanted) {
        discardedBytes += piece.length;
        if (discardedBytes > EDGE_LIMITS.discardedBytesMax && response.writableEnded) request.destroy();
        return;
      }
      if (exchange.bytesIn - piece.length > bytesMax) return;
      if (exchange.bytesIn > bytesMax) {
        onFault(BODY_TOO_LARGE);
        return;
      }
      feed.push(piece);
      if (feed.untakenBytes < EDGE_LIMITS.smallBodyBytesMax) return;
      request.pause();
      pace.end();
    })
    .once("end", () => {
      pace.end();
      feed.finish();
    });
  return feed;
}
