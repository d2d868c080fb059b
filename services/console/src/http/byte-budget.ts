import { PlatformError } from "@millrace/errors";

/** Bounds what all requests together may hold in memory. */
export class ByteBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Throws `unavailable` overloaded when there is no room. */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax)
      throw new PlatformError("unavailable", "The console has too much to do at once; try again.", {
        reason: "overloaded",
      });
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
