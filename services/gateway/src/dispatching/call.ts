import {
  CHUNK_BYTES_MAX,
  FLAG,
  type Frame,
  type FrameWriter,
  type Head,
  INITIAL_CREDIT_BYTES,
  type Invoke,
  type Rejection,
  readHead,
  writeCancel,
  writeChunk,
  writeCredit,
  writeInvoke,
  writeProbe,
} from "@millrace/frames";
import type { Reason } from "../answering/reasons.ts";
import { DISPATCH_LIMITS, EDGE_LIMITS } from "../limits.ts";
import type { BodyFeed } from "./body-feed.ts";
import type { Runner } from "./runners.ts";
import type { Due } from "./timer-wheel.ts";
import type { Lane } from "./waiting-line.ts";

/** One request as a function gets it; the same for each attempt. */
export type InvokeContent = Omit<Invoke, "remainingMs" | "attempt" | "body">;

export interface Invocation {
  content: InvokeContent;
  body: BodyFeed;
  /** Whose function it is: projects share slots fairly. */
  project: string;
  /** The function's own. */
  timeoutMs: number;
  /** The method promises to change nothing, so that the call may run twice. */
  safe: boolean;
}

/** Where the answer goes: `head` and then chunks until one is the last, or `failed`, at any point, once. */
export interface AnswerSink {
  head(head: Head, end: boolean): void;
  chunk(bytes: Buffer, end: boolean): void;
  failed(reason: Reason, detail: string): void;
}

/** Where frames to runners are written. */
export interface Wire {
  to(runnerId: string): FrameWriter;
  /** How often the connection broke. What was on its way then may be lost. */
  readonly interruptions: number;
}

//   waiting ──▶ placed ──▶ accepted ──▶ answering ──▶ over
//      ▲          │            │
//      └──────────┴────────────┘   rejected; or the runner was lost and the call may run again
export type Phase = "waiting" | "placed" | "accepted" | "answering" | "over";

/** Credit is handed back in lumps of this size, not for each chunk. */
const CREDIT_STEP_BYTES = INITIAL_CREDIT_BYTES / 4;

/** An invocation and the attempt at it that is under way. */
export class Call implements Due {
  readonly invocation: Invocation;
  readonly sink: AnswerSink;
  readonly deadlineAtMs: number;
  phase: Phase = "waiting";
  runner: Runner | null = null;
  /** Of the attempt: frames with another number belong to an earlier one. */
  number = 0;
  attempts = 0;
  /** Attempts that ended without an answer, for another reason than a lack of slots. */
  setbacks = 0;
  placedAtMs = 0;
  acceptedAtMs = 0;
  /** Whether it waited for an instance that had to be loaded; known with the answer. */
  isCold = false;
  /** Calls of one lane wait in order; lanes take turns. */
  readonly laneKey: string;
  lane: Lane | null = null;
  dueAtMs = 0;
  place = -1;
  before: this | null = null;
  after: this | null = null;
  /** How long it waits for a slot in all, until one accepts it or the one that it was given falls silent. */
  waitsUntilMs: number | undefined;
  /** The last one's reason, when a runner has rejected it. */
  rejection: Rejection | null = null;
  #refusals: Map<string, number> | null = null;
  #wire: Wire;
  #interruptionsBefore = 0;
  #credit = 0;
  #bodySent = false;
  /** Bytes of the answer that came and for which no credit was handed back. */
  #debt = 0;
  #consumed = 0;

  constructor(invocation: Invocation, sink: AnswerSink, deadlineAtMs: number, wire: Wire) {
    this.invocation = invocation;
    this.sink = sink;
    this.deadlineAtMs = deadlineAtMs;
    this.#wire = wire;
    this.laneKey = invocation.content.depth === 0 ? invocation.project : `${invocation.project} ${this.depth}`;
    invocation.body.onMore = () => this.sendBody();
  }

  get functionKey(): string {
    return this.invocation.content.functionKey;
  }

  get depth(): number {
    return this.invocation.content.depth;
  }

  /** When something must happen to it, whatever else does: by then it is answered, placed, or placed again. */
  get nextDueAtMs(): number {
    if (this.phase === "waiting" && this.waitsUntilMs !== undefined)
      return Math.min(this.waitsUntilMs, this.deadlineAtMs);
    if (this.phase === "placed" && this.invocation.safe) {
      return Math.min(this.placedAtMs + DISPATCH_LIMITS.acceptanceMsMax, this.deadlineAtMs);
    }
    return this.deadlineAtMs;
  }

  /** Whether its frames, or those of its answer, may have been lost with the connection. */
  get wasInterrupted(): boolean {
    return this.#wire.interruptions !== this.#interruptionsBefore;
  }

  /** Whether a frame that was lost would leave a hole in its body or its answer. */
  get isInParts(): boolean {
    return this.phase === "answering" || !this.#bodySent;
  }

  /** Whether another runner may run it now that this one is lost: nobody did yet, or it may run twice. */
  get mayRunAgain(): boolean {
    const { safe } = this.invocation;
    // That the runner accepted an unsafe one may be what the broken connection has lost.
    return this.phase === "placed" ? safe || !this.wasInterrupted : this.phase === "accepted" && safe;
  }

  /** Sends the invocation to a runner under a new number. */
  sendTo(runner: Runner, number: number, nowMs: number, knocks = false): void {
    this.runner = runner;
    this.number = number;
    this.attempts++;
    this.phase = "placed";
    this.placedAtMs = nowMs;
    this.#interruptionsBefore = this.#wire.interruptions;
    this.#credit = INITIAL_CREDIT_BYTES;
    this.#debt = 0;
    this.#consumed = 0;
    const { content, body, safe } = this.invocation;
    const start = body.take(CHUNK_BYTES_MAX);
    this.#credit -= start.length;
    this.#bodySent = body.exhausted;
    const remainingMs = Math.max(1, Math.ceil(this.deadlineAtMs - nowMs));
    const invoke: Invoke = { ...content, remainingMs, attempt: Math.min(this.attempts, 255), body: start };
    const flags = (safe ? FLAG.safe : 0) | (knocks ? FLAG.knocks : 0);
    writeInvoke(this.#wire.to(runner.id), number, invoke, this.#bodySent, flags);
    this.sendBody();
  }

  /**
   * Sends of the body what is there and the runner's credit allows. Nothing is cut to fit the credit: the parts would come back as credit for
   * parts, and bodies would end up as dust.
   */
  sendBody(): void {
    if (this.#bodySent || this.phase === "waiting" || this.phase === "over" || this.wasInterrupted) return;
    const { body } = this.invocation;
    while (!this.#bodySent && (body.nextBytes > 0 ? this.#hasCreditFor(body.nextBytes) : body.exhausted)) {
      const bytes = body.take(CHUNK_BYTES_MAX);
      this.#credit -= bytes.length;
      this.#bodySent = body.exhausted;
      writeChunk(this.#wire.to(this.runner!.id), this.number, bytes, this.#bodySent);
    }
  }

  #hasCreditFor(bytes: number): boolean {
    return this.#credit >= Math.min(bytes, CHUNK_BYTES_MAX);
  }

  onCredit(bytes: number): void {
    this.#credit = Math.min(this.#credit + bytes, INITIAL_CREDIT_BYTES);
    this.sendBody();
  }

  onAccepted(nowMs: number): void {
    if (this.phase !== "placed") return;
    this.acceptedAtMs = nowMs;
    this.phase = "accepted";
    this.waitsUntilMs = undefined;
    this.invocation.body.release(EDGE_LIMITS.smallBodyBytesMax);
  }

  /** The answer begins; null when it cannot be read, or has begun before. */
  onHead(frame: Frame, nowMs: number): Head | null {
    const head = readHead(frame);
    if (head === null || this.phase === "answering" || !this.receive(head.body.length)) return null;
    this.onAccepted(nowMs);
    this.isCold = (frame.flags & FLAG.cold) !== 0;
    this.phase = "answering";
    return head;
  }

  /** Counts bytes of the answer that came; false when the runner sends more than it may. */
  receive(bytes: number): boolean {
    this.#debt += bytes;
    return this.#debt <= INITIAL_CREDIT_BYTES * 2;
  }

  /** The caller has taken so many bytes of the answer: the runner may send as many more. */
  consumed(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < CREDIT_STEP_BYTES || this.phase !== "answering") return;
    this.#debt -= this.#consumed;
    writeCredit(this.#wire.to(this.runner!.id), this.number, this.#consumed);
    this.#consumed = 0;
  }

  sendCancel(cancellation: number): void {
    if (this.runner) writeCancel(this.#wire.to(this.runner.id), this.number, cancellation);
  }

  sendProbe(): void {
    if (this.runner) writeProbe(this.#wire.to(this.runner.id), this.number);
  }

  /** Waits to be placed again; false when a part of the body is gone. */
  startOver(): boolean {
    if (this.rejection !== "busy") this.setbacks++;
    this.runner = null;
    this.phase = "waiting";
    return this.invocation.body.rewind();
  }

  /** A runner that rejected the call is asked again only after it has beaten again; one that was full, when it has room. */
  refusedBy(runner: Runner, rejection: Rejection): void {
    this.rejection = rejection;
    if (rejection === "busy") return;
    this.#refusals ??= new Map();
    this.#refusals.set(runner.id, runner.sequence);
  }

  excludes(runner: Runner): boolean {
    return this.#refusals?.get(runner.id) === runner.sequence;
  }
}
