import { AsyncLocalStorage } from "node:async_hooks";
import { OUTPUT_LIMITS } from "../limits.ts";
import type { Channel } from "../sandbox/channel.ts";
import { OUTPUT_LEVELS, type OutputLevel, SANDBOX_FRAME } from "../sandbox/sandbox-frames.ts";
import type { Call } from "./call.ts";
import { CodePlaces } from "./code-places.ts";

/** Which invocation the running code belongs to. */
export const currentCall = new AsyncLocalStorage<Call>();

/** Sends what a function prints to the supervisor, at once: what comes before an endless loop is to be read too. */
export class Output {
  readonly #channel: Channel;
  #places: CodePlaces | undefined;
  #loose = { endsAt: 0, bytes: 0, lines: 0 };

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** From now on code runs that lies in this folder. */
  readFrom(folder: string): void {
    const places = new CodePlaces(folder);
    this.#places = places;
    Error.prepareStackTrace = (error, sites) => places.stackOf(error, sites);
  }

  line(level: OutputLevel, text: string): void {
    const call = currentCall.getStore();
    this.lineOf(call?.ended === false ? call : undefined, level, text);
  }

  lineOf(call: Call | undefined, level: OutputLevel, text: string): void {
    const bytes = Buffer.from(this.readable(text)).subarray(0, OUTPUT_LIMITS.bytesMax);
    if (!(call ? admit(call, bytes.length) : this.#admitLoose(bytes.length))) return;
    const writer = this.#channel.writer().begin(SANDBOX_FRAME.output, 0, call?.id ?? 0);
    writer.u8(OUTPUT_LEVELS.indexOf(level)).raw(bytes).end();
    this.#channel.flush();
  }

  #admitLoose(bytes: number): boolean {
    const now = performance.now();
    if (now >= this.#loose.endsAt) this.#loose = { endsAt: now + 1_000, bytes: 0, lines: 0 };
    this.#loose.bytes += bytes;
    return (
      this.#loose.bytes <= OUTPUT_LIMITS.looseBytesPerSecond && ++this.#loose.lines <= OUTPUT_LIMITS.looseLinesPerSecond
    );
  }

  /** Places in the user's files read as the user knows them, without the folder they happen to lie in. */
  readable(text: string): string {
    return this.#places?.readable(text) ?? text;
  }

  /** Takes over the console and the standard streams of this thread. */
  capture(): void {
    const { console } = globalThis;
    let level: OutputLevel | undefined;
    for (const [name, ownLevel] of Object.entries(LEVEL_OF)) {
      const original = console[name as "log"].bind(console);
      console[name as "log"] = (...values: unknown[]) => {
        level = ownLevel;
        original(...values);
        level = undefined;
      };
    }
    takeOver(process.stdout, (text) => this.line(level ?? "info", text));
    takeOver(process.stderr, (text) => this.line(level ?? "error", text));
  }
}

/** The console's other methods go through these or write to a stream. */
const LEVEL_OF: Record<string, OutputLevel> = { debug: "debug", warn: "warn", error: "error", trace: "error" };

function admit(call: Call, bytes: number): boolean {
  call.outputBytes += bytes;
  call.outputLines++;
  if (call.outputBytes <= OUTPUT_LIMITS.bytesMax && call.outputLines <= OUTPUT_LIMITS.linesMax) return true;
  call.droppedLines++;
  return false;
}

/** Each write of the stream becomes a line, in the same turn. The stream stays the one that Node talks to. */
function takeOver(stream: NodeJS.WriteStream, onLine: (text: string) => void): void {
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    onLine(text.endsWith("\n") ? text.slice(0, -1) : text);
    const written = rest.at(-1);
    if (typeof written === "function") process.nextTick(written);
    return true;
  };
}
