import { FLAG, type Frame, type FrameWriter } from "@millrace/frames";

// Frames between the supervisor and a sandbox. The frames of an invocation (invoke, chunk, cancel, credit; head, chunk, credit, failed)
// run unchanged over the instance's own channel; these are the private ones. Both ends are always of the same version.
//
//   control channel   supervisor → main       start · stop
//                     main → supervisor       booted · ended
//   instance channel  supervisor → instance   ping
//                     instance → supervisor   loaded | loadFailed, then output · done · pong
export const SANDBOX_FRAME = {
  /** `call` is the instance's number; pieces of JSON `InstanceStart`, the last with END. */
  start: 64,
  stop: 65,
  booted: 66,
  /** u8 cause (ENDED), rest: text. */
  ended: 67,
  /** JSON `Loaded`. */
  loaded: 72,
  /** JSON `LoadFault`. */
  loadFailed: 73,
  /** u8 level (OUTPUT_LEVELS), rest: text; `call` 0 outside an invocation. */
  output: 74,
  /** The invocation is over, work after the response included: u32 KiB in use, u32 dropped lines. */
  done: 75,
  ping: 76,
  pong: 77,
  /** From a build program: pieces of the artifact, then JSON `{entry}`; or JSON `BuildFault`. */
  artifact: 80,
  built: 81,
  refused: 82,
} as const;

/** Why an instance ended, as the sandbox's main thread saw it. */
export const ENDED = { stopped: 0, exited: 1, crashed: 2, outOfMemory: 3 } as const;
export type EndCause = (typeof ENDED)[keyof typeof ENDED];

export const OUTPUT_LEVELS = ["debug", "info", "warn", "error"] as const;
export type OutputLevel = (typeof OUTPUT_LEVELS)[number];

/** What a sandbox is told to start an instance. Secrets are among `environment`: it is never logged. */
export interface InstanceStart {
  /** Inherited descriptor of the instance's channel. */
  channelFd: number;
  /** The artifact, as the sandbox sees it. */
  folder: string;
  /** Name of the export to call; empty for the default. */
  handler: string;
  functionName: string;
  functionVersion: string;
  memoryMib: number;
  environment: Record<string, string>;
}

export type HandlerShape = "handler" | "fetch";

export interface Loaded {
  shape: HandlerShape;
  exports: string[];
}

export interface LoadFault {
  /** One line for the provider. */
  message: string;
  /** With the places in the user's own files. */
  stack: string;
}

const TEXT_CHARACTERS_MAX = 16 * 1024;

export function writeJson(writer: FrameWriter, type: number, call: number, value: object): void {
  writer
    .begin(type, 0, call)
    .raw(Buffer.from(JSON.stringify(value)))
    .end();
}

const PIECE_BYTES = 256 * 1024;

/** An environment may be larger than a frame. */
export function writeStart(writer: FrameWriter, instance: number, start: InstanceStart): void {
  const bytes = Buffer.from(JSON.stringify(start));
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const isLast = at + PIECE_BYTES >= bytes.length;
    writer
      .begin(SANDBOX_FRAME.start, isLast ? FLAG.end : 0, instance)
      .raw(bytes.subarray(at, at + PIECE_BYTES))
      .end();
  }
}

/** The JSON object in a frame; null when there is none. Never throws. */
export function readJson(frame: Frame): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(frame.payload.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

export function readLoaded(frame: Frame): Loaded | null {
  const value = readJson(frame);
  if (!value || (value.shape !== "handler" && value.shape !== "fetch") || !Array.isArray(value.exports)) return null;
  return { shape: value.shape, exports: value.exports.slice(0, 1000).map(text) };
}

export function readLoadFault(frame: Frame): LoadFault | null {
  const value = readJson(frame);
  return value && { message: text(value.message), stack: text(value.stack) };
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, TEXT_CHARACTERS_MAX) : "";
}
