import {
  CANCELLATION,
  FLAG,
  FRAME,
  type Frame,
  type FrameWriter,
  INITIAL_CREDIT_BYTES,
  readCredit,
  readFailed,
  writeCancel,
  writeFailed,
} from "@millrace/frames";
import { OWN_SPAN_LIMITS } from "../limits.ts";
import type { Channel } from "../sandbox/channel.ts";
import type { Done, OutputLevel } from "../sandbox/sandbox-frames.ts";
import { type FailureReason, failureOf, isOwnFailure } from "./failures.ts";
import { InvocationOutput } from "./invocation-output.ts";
import { readHeadStatus } from "./response-check.ts";

//   waiting ──▶ running ──▶ answered ──▶ over
//      │           │            ▲
//      └───────────┴── fail ────┘
//
// answered: the caller has its whole response, or a failure, or is gone; the function may still work. over: it does not.
export type InvocationPhase = "waiting" | "running" | "answered" | "over";

/** The way back to the caller. */
export interface Reply {
  /** The writer for one frame, and the number under which the caller knows the call. */
  writer(): FrameWriter;
  readonly call: number;
}

export interface InvocationOutcome {
  status: number;
  reason: string;
  durationMs: number;
  /** From being accepted until an instance began it. */
  waitMs: number;
  /** Of the frames that came for it and went back: head and body. */
  bytesIn: number;
  bytesOut: number;
  /** As its instance told; missing when it did not come to that. */
  done: Done | undefined;
  cold: boolean;
}

export interface InvocationListener {
  onOver(invocation: Invocation, outcome: InvocationOutcome): void;
}

export interface InvocationRequest {
  requestId: string;
  /** As the gateway sent it; empty for none. */
  traceparent: string;
  frame: Frame;
  /** When nobody waits for an answer any more, on performance.now()'s clock. */
  deadlineAt: number;
}

/** One accepted invocation: relays its frames both ways and sees that the caller gets exactly one answer. */
export class Invocation {
  readonly request: InvocationRequest;
  readonly output = new InvocationOutput();
  /** It waited for its instance to load. */
  cold = false;
  begunAt = 0;
  /** When its answer began; 0 before. */
  headAt = 0;
  /** Of the instance that it waited for: when that was started, and when it was there. */
  loading: { startedAt: number; loadedAt: number } | undefined;
  /** What the function has measured itself, as it was told last. Nobody has looked at it. */
  ownSpans: Buffer | undefined;
  #spanTellings = 0;
  readonly #reply: Reply;
  readonly #listener: InvocationListener;
  readonly acceptedAt = performance.now();
  #phase: InvocationPhase = "waiting";
  #channel: Channel | undefined;
  #number = 0;
  #early: Frame[] = [];
  #timer: NodeJS.Timeout | undefined;
  #staged = false;
  #credit = INITIAL_CREDIT_BYTES;
  /** Bytes of the request's body that the function was given and has not handed back as credit. */
  #untaken = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #isBodyWhole: boolean;
  #headSeen = false;
  #endSeen = false;
  #status = 0;
  #reason = "";

  constructor(request: InvocationRequest, reply: Reply, listener: InvocationListener) {
    this.request = request;
    this.#reply = reply;
    this.#listener = listener;
    this.#isBodyWhole = (request.frame.flags & FLAG.end) !== 0;
  }

  get phase(): InvocationPhase {
    return this.#phase;
  }

  /** Holds the invocation until an instance has room. Its frame is copied: it shares memory with what came from the bus. */
  wait(onDeadline: () => void): void {
    const { frame } = this.request;
    this.request.frame = { ...frame, payload: Buffer.from(frame.payload) };
    this.#timer = setTimeout(onDeadline, Math.max(1, this.request.deadlineAt - performance.now()));
  }

  /** Whether all of it is known, so that it can be given to another instance as it was given to the first. */
  get isWhole(): boolean {
    return (this.request.frame.flags & FLAG.end) !== 0 && this.#early.length === 0;
  }

  /** Whether a frame that was lost on the bus would leave a hole in its body or its answer. */
  get isInParts(): boolean {
    if (this.#phase === "running" && this.#headSeen) return true;
    return !this.#isBodyWhole && (this.#phase === "waiting" || this.#phase === "running");
  }

  /** Sends the invocation to an instance ahead, to be begun there when the calls before it are done. */
  stage(channel: Channel, number: number, timeoutMs: number): void {
    this.#staged = true;
    this.#send(channel, number, this.#remainingMs(timeoutMs));
  }

  /** The instance has given it back, or is gone: it never began. Answers whether anybody still waits for it. */
  unstage(): boolean {
    this.#staged = false;
    if (this.#phase === "waiting") return true;
    this.end();
    return false;
  }

  /** The invocation begins, under a number of the instance's. */
  start(channel: Channel, number: number, timeoutMs: number, onTimeout: () => void): void {
    clearTimeout(this.#timer);
    this.begunAt = performance.now();
    const remainingMs = this.#remainingMs(timeoutMs);
    const expire = () => this.#callerWaitedEnough(this.begunAt + timeoutMs, onTimeout);
    this.#timer = remainingMs < timeoutMs ? setTimeout(expire, remainingMs) : setTimeout(onTimeout, timeoutMs);
    if (!this.#staged) this.#send(channel, number, remainingMs);
    this.#staged = false;
    if (this.#phase === "waiting") this.#phase = "running";
    for (const frame of this.#early) this.#relay(frame);
    this.#early = [];
  }

  // The function may have begun late and be well: it hears that nobody waits, and keeps the time that each call of it has.
  #callerWaitedEnough(timeoutAt: number, onTimeout: () => void): void {
    this.fail("function_timeout");
    writeCancel(this.#channel!.writer(), this.#number, CANCELLATION.deadline);
    this.#timer = setTimeout(onTimeout, Math.max(1, timeoutAt - performance.now()));
  }

  #remainingMs(timeoutMs: number): number {
    return Math.max(1, Math.min(timeoutMs, Math.floor(this.request.deadlineAt - performance.now())));
  }

  #send(channel: Channel, number: number, remainingMs: number): void {
    this.#channel = channel;
    this.#number = number;
    const { flags, payload } = this.request.frame;
    const writer = channel.writer().begin(FRAME.invoke, flags, number).u32(remainingMs);
    writer.raw(payload.subarray(4)).end();
    this.#untaken = payload.length;
    this.#bytesIn = payload.length;
  }

  /** A chunk, credit or cancellation from the caller. */
  fromCaller(frame: Frame): void {
    this.#isBodyWhole ||= frame.type === FRAME.chunk && (frame.flags & FLAG.end) !== 0;
    if (frame.type === FRAME.cancel) this.#callerGone(frame);
    else if (this.#phase === "waiting") this.#early.push({ ...frame, payload: Buffer.from(frame.payload) });
    else if (this.#phase === "running") this.#relay(frame);
  }

  /**
   * A frame of the response. Answers false when it is none that may come now. How many may come is bounded by bytes, so none comes
   * without any: each costs the runner, the bus and the gateway as much as a full one.
   */
  fromFunction(frame: Frame): boolean {
    const end = (frame.flags & FLAG.end) !== 0;
    if (frame.type === FRAME.credit) return this.#onCredit(frame);
    if (this.#endSeen) return false;
    this.#endSeen = end || frame.type === FRAME.failed;
    if (frame.type === FRAME.head) {
      const status = this.#headSeen ? null : readHeadStatus(frame);
      if (status === null) return false;
      this.#headSeen = true;
      this.headAt = performance.now();
      if (this.#phase === "running") this.#status = status;
    } else if (frame.type === FRAME.chunk) {
      this.#credit -= frame.payload.length;
      if (!this.#headSeen || this.#credit < 0 || (frame.payload.length === 0 && !end)) return false;
    } else if (frame.type === FRAME.failed) {
      const reason = readFailed(frame)?.reason ?? "";
      if (!isOwnFailure(reason)) return false;
      this.fail(reason);
      return true;
    }
    this.#bytesOut += frame.payload.length;
    this.#answer(frame);
    if (end) this.#phase = "answered";
    return true;
  }

  /** Answers false when it is more than an invocation may print; the instance keeps the bound itself. */
  print(level: OutputLevel, bytes: Buffer): boolean {
    return this.output.add(level, bytes);
  }

  /** Answers false when it is more than an invocation may tell; the instance keeps the bound itself. */
  tellSpans(payload: Buffer): boolean {
    const { bytesMax, tellingsMax } = OWN_SPAN_LIMITS;
    if (payload.length > bytesMax || ++this.#spanTellings > tellingsMax) return false;
    this.ownSpans = Buffer.from(payload);
    return true;
  }

  /** Ends the caller's waiting with a failure, if it still waits. */
  fail(reason: FailureReason): void {
    if (this.#phase === "answered" || this.#phase === "over") return;
    this.#reason = reason;
    writeFailed(this.#reply.writer(), this.#reply.call, failureOf(reason));
    this.#phase = "answered";
  }

  /** Nothing works on it any more. */
  end(done?: Done): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    clearTimeout(this.#timer);
    this.#listener.onOver(this, {
      status: this.#status,
      reason: this.#reason,
      durationMs: performance.now() - this.acceptedAt,
      waitMs: (this.begunAt || performance.now()) - this.acceptedAt,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      done,
      cold: this.cold,
    });
  }

  /** It has waited as long as it may, or has nothing to wait for. */
  giveUp(reason: FailureReason): void {
    this.fail(reason);
    if (this.#staged) writeCancel(this.#channel!.writer(), this.#number, CANCELLATION.deadline);
    else this.end();
  }

  #callerGone(frame: Frame): void {
    if (this.#phase === "running" || this.#staged) this.#relay(frame);
    if (this.#phase === "answered" || this.#phase === "over") return;
    const waited = this.#phase === "waiting" && !this.#staged;
    this.#reason = frame.payload[0] === CANCELLATION.deadline ? "function_timeout" : "caller_gone";
    this.#phase = "answered";
    // Nothing has begun; what has begun goes on until it ends or its time is over.
    if (waited) this.end();
  }

  #onCredit(frame: Frame): boolean {
    const bytes = readCredit(frame);
    this.#untaken -= bytes;
    if (bytes === 0 || this.#untaken < 0) return false;
    this.#answer(frame);
    return true;
  }

  /** Passes a frame on to who waits for the answer, if anybody still does. */
  #answer(frame: Frame): void {
    if (this.#phase !== "running") return;
    const flags = frame.type === FRAME.head && this.cold ? frame.flags | FLAG.cold : frame.flags;
    this.#reply.writer().begin(frame.type, flags, this.#reply.call).raw(frame.payload).end();
  }

  #relay(frame: Frame): void {
    if (frame.type === FRAME.credit) this.#credit += readCredit(frame);
    else if (frame.type === FRAME.chunk) {
      this.#untaken += frame.payload.length;
      this.#bytesIn += frame.payload.length;
    }
    this.#channel!.writer().begin(frame.type, frame.flags, this.#number).raw(frame.payload).end();
  }
}
