import { Readable } from "node:stream";
import type { BodyFeed } from "../dispatching/body-feed.ts";

const PIECE_BYTES_MAX = 64 * 1024;

/** The body of a request as a stream: read no faster than it is taken, and asked for only when there is a connection to send it on. */
export class FeedStream extends Readable {
  readonly #feed: BodyFeed;
  readonly #onTaken: () => void;
  #isWanted = false;
  /** The stream waits for the caller. */
  isStarved = false;
  /** Something was taken of it, so that it cannot be sent again. */
  isBegun = false;

  constructor(feed: BodyFeed, onTaken: () => void) {
    super({ highWaterMark: PIECE_BYTES_MAX });
    this.#feed = feed;
    this.#onTaken = onTaken;
    // Whoever sends it says so itself when that fails.
    this.on("error", () => undefined);
    feed.onMore = () => this.#pump();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pump();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#isWanted = false;
    this.isStarved = false;
    done(error);
  }

  #pump(): void {
    while (this.#isWanted) {
      const bytes = this.#feed.take(PIECE_BYTES_MAX);
      if (bytes.length > 0) {
        this.isBegun = true;
        this.#onTaken();
        this.#feed.release(0);
        this.#isWanted = this.push(bytes);
        continue;
      }
      this.isStarved = !this.#feed.exhausted;
      if (!this.isStarved) {
        this.#isWanted = false;
        this.#onTaken();
        this.push(null);
      }
      return;
    }
    this.isStarved = false;
  }
}
