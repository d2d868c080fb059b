/** A log file that never grows past its bound: when full it becomes `<file>.1`, which replaces the one before. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { Writable } from "node:stream";

const LOG_FILE_BYTES_MAX = 8 * 1024 * 1024;
const TAIL_BYTES_MAX = 16 * 1024;

export class RotatingLog extends Writable {
  readonly #file: string;
  readonly #bytesMax: number;
  #descriptor: number;
  #bytes: number;

  constructor(file: string, bytesMax = LOG_FILE_BYTES_MAX) {
    super();
    this.#file = file;
    this.#bytesMax = bytesMax;
    this.#descriptor = openSync(file, "a", 0o600);
    this.#bytes = fstatSync(this.#descriptor).size;
  }

  // Synchronous on purpose: what a service said last must be in the file when its end is reported.
  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    try {
      if (this.#bytes + chunk.length > this.#bytesMax) this.#rotate();
      this.#bytes += writeSync(this.#descriptor, chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    closeSync(this.#descriptor);
    done(error);
  }

  #rotate(): void {
    closeSync(this.#descriptor);
    renameSync(this.#file, `${this.#file}.1`);
    this.#descriptor = openSync(this.#file, "a", 0o600);
    this.#bytes = 0;
  }
}

/** The last part of a log, for an error message. */
export function logTail(file: string): string {
  if (!existsSync(file)) return "";
  const text = readFileSync(file);
  return text.subarray(Math.max(0, text.length - TAIL_BYTES_MAX)).toString("utf8");
}
