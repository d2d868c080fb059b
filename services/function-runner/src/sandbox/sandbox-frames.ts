import { FLAG, type Frame, FrameReader, type FrameWriter } from "@millrace/frames";

// Frames between the supervisor and a sandbox. The frames of an invocation (invoke, chunk, cancel, credit; head, chunk, credit, failed)
// run unchanged over the instance's own channel; these are the private ones. Both ends are always of the same version.
//
//   control channel   supervisor → main       prepare · stop
//                     main → supervisor       booted · preparing · ended
//   instance channel  supervisor → instance   load, then recall · ping
//                     instance → supervisor   ready, then loaded | loadFailed, then output · spans · done | returned · pong
//
// A thread is blank at first: the runtime is loaded and waits. What it then loads comes over its own channel, which may be long before it
// is ready to read it.
//
// An instance of a handler may be given calls ahead. It begins each when the one before is done, in their order, and not before that
// `done` is on its way: so a call has begun exactly when the one before it is known to be done.
export const SANDBOX_FRAME = {
  /** Start a blank thread. `call` is its number; u32 inherited descriptor of its channel, then `ThreadKind`: u32 MiB, u8. */
  prepare: 64,
  stop: 65,
  booted: 66,
  /** u8 cause (ENDED), rest: text. */
  ended: 67,
  /** The thread is being started. */
  preparing: 68,
  /** The thread waits for what it is to load. */
  ready: 70,
  /** Pieces of JSON `InstanceLoad`, the last with END. */
  load: 71,
  /** JSON `Loaded`. */
  loaded: 72,
  /** JSON `LoadFault`. */
  loadFailed: 73,
  /** u8 level (OUTPUT_LEVELS), rest: text; `call` 0 outside an invocation. */
  output: 74,
  /** The invocation is over, work after the response included: `Done`. */
  done: 75,
  ping: 76,
  pong: 77,
  /** Give the call back if it has not begun. */
  recall: 78,
  /** The call never began and never will. */
  returned: 79,
  /** From a build program: pieces of the artifact, then JSON `{entry}`; or JSON `BuildFault`. */
  artifact: 80,
  built: 81,
  refused: 82,
  /** JSON `OwnSpans`: those that the function made itself, all of the call so far. */
  spans: 83,
} as const;

/** Why an instance ended, as the sandbox's main thread saw it. */
export const ENDED = { stopped: 0, exited: 1, crashed: 2, outOfMemory: 3 } as const;
export type EndCause = (typeof ENDED)[keyof typeof ENDED];

export const OUTPUT_LEVELS = ["debug", "info", "warn", "error"] as const;
export type OutputLevel = (typeof OUTPUT_LEVELS)[number];

/** What a thread is made for. */
export interface ThreadKind {
  /** Of heap that it may have. */
  memoryMib: number;
  /** It has the platform's classes behind Request and Response loaded: 4 MiB more, and 20 ms less in the call that needs them. */
  withWeb: boolean;
}

export function isSameKind(one: ThreadKind, other: ThreadKind): boolean {
  return one.memoryMib === other.memoryMib && one.withWeb === other.withWeb;
}

/** What an instance knows of its function. */
export interface InstanceFacts {
  /** The artifact, as the sandbox sees it. */
  folder: string;
  /** Name of the export to call; empty for the default. */
  handler: string;
  functionName: string;
  functionVersion: string;
  memoryMib: number;
}

/** What a blank thread is told to become an instance. Secrets are among `environment`: it is never logged. */
export interface InstanceLoad extends InstanceFacts {
  environment: Record<string, string>;
  /** Loopback `address:port`s that are the machine's, not the sandbox's own, where its network is its own. */
  hostLoopback: readonly string[];
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

/** What an instance says of itself and of a call at the call's end. */
export interface Done {
  /** In use by the whole instance when it was last looked at. */
  memoryKib: number;
  droppedLines: number;
  /** Processor time of the call: the thread's, divided by the calls that were open at each moment. */
  cpuUs: number;
  /** Other calls were open at some time of this one, so that `cpuUs` is a share. */
  shared: boolean;
  /** Since the instance last said it: how long calls were open; for how much of that its event loop was at work, and had a core. */
  openUs: number;
  workUs: number;
  coreUs: number;
}

/** What a function measured of one of its calls. Of the supervisor's own knowledge nothing is in it: neither whose trace it is nor when it was. */
export interface OwnSpans {
  spans: OwnSpan[];
  /** How many more there were. */
  dropped: number;
}

export interface OwnSpan {
  /** 16 hex digits. */
  id: string;
  /** `client`: a call that the function made. */
  kind: "internal" | "client";
  /** Of another of the call; empty for none. */
  parent: string;
  name: string;
  /** After the call began. */
  startMs: number;
  /** Absent while it is open. */
  endMs?: number | undefined;
  attributes: Record<string, string | number | boolean>;
  /** What was thrown. */
  error?: string | undefined;
}

export function writeDone(writer: FrameWriter, call: number, done: Done): void {
  writer.begin(SANDBOX_FRAME.done, 0, call);
  writer.u32(done.memoryKib).u32(done.droppedLines).u32(done.cpuUs);
  writer.u32(done.openUs).u32(done.workUs).u32(done.coreUs);
  writer.u8(done.shared ? 1 : 0).end();
}

/** What is missing is 0. */
export function readDone({ payload }: Frame): Done {
  const reader = new FrameReader(payload);
  return {
    memoryKib: reader.u32(),
    droppedLines: reader.u32(),
    cpuUs: reader.u32(),
    openUs: reader.u32(),
    workUs: reader.u32(),
    coreUs: reader.u32(),
    shared: reader.u8() === 1,
  };
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
export function writeLoad(writer: FrameWriter, load: InstanceLoad): void {
  const bytes = Buffer.from(JSON.stringify(load));
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const isLast = at + PIECE_BYTES >= bytes.length;
    writer
      .begin(SANDBOX_FRAME.load, isLast ? FLAG.end : 0, 0)
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
