import { OUTPUT_LIMITS } from "../limits.ts";
import type { OutputLevel } from "../sandbox/sandbox-frames.ts";

export interface OutputLine {
  at: Date;
  level: OutputLevel | "platform";
  text: string;
}

/** What was printed, up to the bound; the rest is counted. The instance keeps the same bound, but is not believed. */
export class InvocationOutput {
  readonly lines: OutputLine[] = [];
  dropped = 0;
  #bytes = 0;
  #printed = 0;

  /** Answers whether there was room. */
  add(level: OutputLevel, bytes: Buffer): boolean {
    this.#bytes += bytes.length;
    const hasRoom = this.#bytes <= OUTPUT_LIMITS.bytesMax && this.#printed < OUTPUT_LIMITS.linesMax;
    if (!hasRoom) this.dropped++;
    else {
      this.#printed++;
      this.lines.push({ at: new Date(), level, text: bytes.toString("utf8") });
    }
    return hasRoom;
  }

  /** A line of the platform's own; it always has room. */
  say(text: string): void {
    this.lines.push({ at: new Date(), level: "platform", text });
  }
}
