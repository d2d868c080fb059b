/**
 * The body of a request on its way to a runner. What was taken is kept until `release`, so that the body can be taken from its beginning
 * again for another runner.
 */
export class BodyFeed {
  readonly #pieces: Buffer[] = [];
  #piece = 0;
  #offset = 0;
  #untakenBytes = 0;
  #ended = false;
  #whole = true;
  #keeps = true;
  /** Called once, when the body is first asked for. */
  onWanted: (() => void) | null = null;
  /** Called when there is more to take, or the end has come. */
  onMore: (() => void) | null = null;
  /** Called when something was taken. */
  onTaken: (() => void) | null = null;

  /** A feed that holds all of its body. */
  static of(body: Buffer): BodyFeed {
    const feed = new BodyFeed();
    if (body.length > 0) feed.push(body);
    feed.finish();
    return feed;
  }

  /** Bytes that came and were not taken yet. */
  get untakenBytes(): number {
    return this.#untakenBytes;
  }

  /** Bytes that `take` answers at most: it does not join what came apart. */
  get nextBytes(): number {
    return (this.#pieces[this.#piece]?.length ?? this.#offset) - this.#offset;
  }

  /** Everything was taken and nothing comes any more. */
  get exhausted(): boolean {
    return this.#ended && this.#untakenBytes === 0;
  }

  push(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#untakenBytes += bytes.length;
    this.onMore?.();
  }

  finish(): void {
    this.#ended = true;
    this.onMore?.();
  }

  /** The next bytes, at most `bytesMax`; empty when there are none now. */
  take(bytesMax: number): Buffer {
    this.onWanted?.();
    this.onWanted = null;
    const piece = this.#pieces[this.#piece];
    if (piece === undefined || bytesMax <= 0) return EMPTY;
    const taken = piece.subarray(this.#offset, this.#offset + bytesMax);
    this.#offset += taken.length;
    this.#untakenBytes -= taken.length;
    if (this.#offset === piece.length) {
      this.#offset = 0;
      if (this.#keeps) this.#piece++;
      else this.#dropTaken(1);
    }
    this.onTaken?.();
    return taken;
  }

  /** Goes back to the beginning; false when a part of it is gone. */
  rewind(): boolean {
    if (!this.#whole) return false;
    for (let at = 0; at < this.#piece; at++) this.#untakenBytes += this.#pieces[at]!.length;
    this.#untakenBytes += this.#offset;
    this.#piece = 0;
    this.#offset = 0;
    return true;
  }

  /** Forgets what was taken, now and from now on. A body that is all here and at most `keptBytesMax` long stays. */
  release(keptBytesMax: number): void {
    let bytes = 0;
    for (const piece of this.#pieces) bytes += piece.length;
    if (this.#ended && bytes <= keptBytesMax) return;
    this.#keeps = false;
    this.#dropTaken(this.#piece);
    if (this.#offset > 0) this.#whole = false;
  }

  #dropTaken(count: number): void {
    if (count === 0) return;
    this.#pieces.splice(0, count);
    this.#piece = 0;
    this.#whole = false;
  }
}

const EMPTY = Buffer.alloc(0);
