import { CANCELLATION, CallMap, FRAME, type Frame, FrameReader, writeCancel } from "@millrace/frames";
import { INSTANCE_LIMITS, SANDBOX_LIMITS } from "../limits.ts";
import type { InstanceEnd, InstanceHandle } from "../sandbox/sandbox.ts";
import {
  type Done,
  type Loaded,
  type LoadFault,
  OUTPUT_LEVELS,
  type OutputLevel,
  readDone,
  readLoaded,
  readLoadFault,
  SANDBOX_FRAME,
} from "../sandbox/sandbox-frames.ts";
import { reasonOfEnd } from "./failures.ts";
import type { Invocation } from "./invocation.ts";
import { Wear, type WearTerms } from "./wear.ts";

//   loading ──▶ ready ──▶ retired ──▶ ended
//      └──────────┴──────────────────────▲
//
// retired: takes nothing new; its other calls finish, then it is stopped. A loop that is blocked is stopped at once.
export type InstanceState = "loading" | "ready" | "retired" | "ended";

export interface InstanceListener {
  onLoaded(instance: Instance, loaded: Loaded): void;
  onLoadFailed(instance: Instance, fault: LoadFault): void;
  /** A call has ended by itself, having taken so long. */
  onDone(serviceMs: number, done: Done): void;
  /** A call that was staged never began. */
  onReturned(invocation: Invocation): void;
  /** A call took too long: the instance takes nothing new. */
  onRetired(): void;
  /** A call is over, so that another may begin. */
  onRoom(instance: Instance): void;
  /** Printed outside any invocation. */
  onOutput(level: OutputLevel, bytes: Buffer): void;
  onEnded(instance: Instance, end: InstanceEnd): void;
}

export interface InstanceTerms extends WearTerms {
  concurrency: number;
  timeoutMs: number;
}

/** One thread with one function version, seen from the supervisor. */
export class Instance {
  readonly #terms: InstanceTerms;
  readonly #listener: InstanceListener;
  readonly #wear: Wear;
  readonly #calls = new CallMap<Invocation>();
  /** Given ahead; they begin in this order. */
  readonly #staged: { number: number; invocation: Invocation }[] = [];
  #recalled = false;
  /** Their time is over; each has its grace to end by itself. */
  readonly #late = new Set<number>();
  /** Given up after the grace; what still comes for them is let pass. */
  readonly #abandoned = new Set<number>();
  #handle: InstanceHandle | undefined;
  #state: InstanceState = "loading";
  #lastNumber = 0;
  #loadTimer: NodeJS.Timeout | undefined;
  /** An instance whose loop turns answers every ping soon, in their order. */
  #pings = 0;
  #pongs = 0;
  /** The most that it said to hold at a call's end. */
  #memoryKibMost = 0;
  #looseOutput = { endsAt: 0, lines: 0 };
  #strays = 0;
  #hasLoaded = false;
  #wasWorking = false;
  #startedAt = performance.now();
  #loadedAt = Infinity;
  #heardAt = performance.now();

  constructor(terms: InstanceTerms, listener: InstanceListener) {
    this.#terms = terms;
    this.#wear = new Wear(terms, performance.now());
    this.#listener = listener;
  }

  get state(): InstanceState {
    return this.#state;
  }

  /** Whether it was ever ready. */
  get hasLoaded(): boolean {
    return this.#hasLoaded;
  }

  /** Whether it had calls when it ended. */
  get wasWorking(): boolean {
    return this.#wasWorking;
  }

  get calls(): number {
    return this.#calls.size;
  }

  get staged(): number {
    return this.#staged.length;
  }

  /** When its last call ended or, without calls before, began. */
  get heardAt(): number {
    return this.#heardAt;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  /** Whether it has served for long enough, and another is to take its place. */
  get isWorn(): boolean {
    return this.#handle?.isOutdated === true || this.#wear.isOver(performance.now());
  }

  /** What it holds while it has no calls; undefined while it has some, or nothing is known yet. Memory that was used is given back late. */
  get idleBytes(): number | undefined {
    return this.#calls.size > 0 || this.#memoryKibMost === 0 ? undefined : this.#memoryKibMost * 1024;
  }

  /** How many more invocations it may be given. */
  get room(): number {
    return this.#state === "ready" ? this.#terms.concurrency - this.#calls.size : 0;
  }

  /** Takes over the thread that was started for it. */
  attach(handle: InstanceHandle): void {
    this.#handle = handle;
    if (handle.wasReady) this.onReady();
    else this.#limitLoad(INSTANCE_LIMITS.threadTimeoutMs, "No thread could be started for the function");
  }

  /** The function's own time to load begins. */
  onReady(): void {
    this.#limitLoad(INSTANCE_LIMITS.loadTimeoutMs, "The function did not load");
  }

  #limitLoad(ms: number, what: string): void {
    clearTimeout(this.#loadTimer);
    this.#loadTimer = setTimeout(() => {
      const message = `${what} within ${ms} ms.`;
      this.#listener.onLoadFailed(this, { message, stack: message });
      this.stop();
    }, ms);
  }

  begin(invocation: Invocation): void {
    if (this.#calls.size === 0) this.#heardAt = performance.now();
    this.#start(this.#nextNumber(), invocation);
  }

  #start(number: number, invocation: Invocation): void {
    this.#calls.set(number, invocation);
    invocation.cold = this.#loadedAt > invocation.acceptedAt;
    if (invocation.cold) invocation.loading = { startedAt: this.#startedAt, loadedAt: this.#loadedAt };
    invocation.start(this.#handle!.channel, number, this.#terms.timeoutMs, () => this.#timedOut(number, invocation));
  }

  /** Gives the invocation to the instance ahead. There must be a call before it. */
  stage(invocation: Invocation): void {
    const number = this.#nextNumber();
    this.#staged.push({ number, invocation });
    invocation.stage(this.#handle!.channel, number, this.#terms.timeoutMs);
  }

  /** Asks for the calls that have not begun; they come back one by one. */
  recall(): void {
    if (this.#recalled || this.#staged.length === 0) return;
    this.#recalled = true;
    for (const { number } of this.#staged) this.#handle!.channel.writer().begin(SANDBOX_FRAME.recall, 0, number).end();
  }

  /** Takes nothing new, and ends when its calls are over. One that loads is retired once it has served those who wait for it. */
  retire(): void {
    if (this.#state !== "ready") return;
    this.#state = "retired";
    if (this.#calls.size === 0) this.stop();
  }

  stop(timeoutMs: number = SANDBOX_LIMITS.retireTimeoutMs): void {
    if (this.#state === "ready") this.#state = "retired";
    this.#handle?.stop(timeoutMs);
  }

  onFrame(frame: Frame): void {
    if (frame.type === SANDBOX_FRAME.pong) this.#onPong();
    else if (frame.type === SANDBOX_FRAME.loaded || frame.type === SANDBOX_FRAME.loadFailed) this.#onLoad(frame);
    else if (frame.type === SANDBOX_FRAME.output) this.#onOutput(frame);
    else if (!this.#abandoned.has(frame.call)) this.#onCallFrame(frame);
    else if (frame.type === SANDBOX_FRAME.done) {
      this.#abandoned.delete(frame.call);
      this.#startStaged();
    } else if (++this.#strays > INSTANCE_LIMITS.strayFramesMax)
      this.#violate("a flood of frames for calls that are over");
  }

  /** The thread is gone; so are its calls. */
  onEnded(end: InstanceEnd): void {
    this.#state = "ended";
    this.#wasWorking = this.#calls.size > 0;
    clearTimeout(this.#loadTimer);
    const reason = reasonOfEnd(end);
    for (const invocation of this.#calls.values()) {
      if (end.cause !== "stopped") invocation.output.say(`the instance ended: ${end.cause}: ${end.text}`);
      invocation.fail(reason);
      invocation.end();
    }
    this.#calls.clear();
    this.#dropStaged(end.complete);
    this.#listener.onEnded(this, end);
  }

  #onLoad(frame: Frame): void {
    const loaded = frame.type === SANDBOX_FRAME.loaded ? readLoaded(frame) : null;
    const fault = frame.type === SANDBOX_FRAME.loadFailed ? readLoadFault(frame) : null;
    clearTimeout(this.#loadTimer);
    if (this.#state !== "loading") this.#violate("it loads twice");
    else if (loaded) {
      this.#state = "ready";
      this.#hasLoaded = true;
      this.#loadedAt = performance.now();
      this.#heardAt = this.#loadedAt;
      this.#listener.onLoaded(this, loaded);
    } else if (fault) {
      this.#listener.onLoadFailed(this, fault);
      this.stop();
    } else this.#violate("it says nothing of its load that can be read");
  }

  #onOutput(frame: Frame): void {
    const level = OUTPUT_LEVELS[new FrameReader(frame.payload).u8()];
    const bytes = frame.payload.subarray(1);
    const invocation = this.#calls.get(frame.call);
    if (!level || (frame.call !== 0 && !invocation && !this.#abandoned.has(frame.call))) this.#violate("stray output");
    else if (!invocation) this.#onLooseOutput(level, bytes);
    else if (!invocation.print(level, bytes)) this.#violate("more output than an invocation may print");
  }

  // The instance bounds by the second what is printed outside calls. Here the window is longer and the bound wider, since what it sent on
  // time may be read late.
  #onLooseOutput(level: OutputLevel, bytes: Buffer): void {
    const now = performance.now();
    if (now >= this.#looseOutput.endsAt) this.#looseOutput = { endsAt: now + LOOSE_WINDOW_MS, lines: 0 };
    if (++this.#looseOutput.lines > LOOSE_LINES_MAX) this.#violate("a flood of output");
    else this.#listener.onOutput(level, bytes);
  }

  #onPong(): void {
    if (this.#pongs === this.#pings) this.#violate("an answer to no ping");
    else this.#pongs++;
  }

  #onCallFrame(frame: Frame): void {
    const invocation = this.#calls.get(frame.call);
    if (frame.type === SANDBOX_FRAME.returned) this.#onReturned(frame.call);
    else if (!invocation) this.#violate("a frame of no call");
    else if (frame.type === SANDBOX_FRAME.done) this.#onDone(frame, invocation);
    else if (frame.type === SANDBOX_FRAME.spans) this.#onSpans(frame, invocation);
    else if (!RESPONSE_TYPES.has(frame.type) || !invocation.fromFunction(frame)) this.#violate("a frame out of turn");
  }

  #onSpans({ payload }: Frame, invocation: Invocation): void {
    if (!invocation.tellSpans(payload)) this.#violate("more spans than an invocation may have");
  }

  #onDone(frame: Frame, invocation: Invocation): void {
    const done = readDone(frame);
    invocation.output.dropped += done.droppedLines;
    // A call that is over without an answer has none to come.
    invocation.fail("function_error");
    const now = performance.now();
    this.#wear.called(now, done.memoryKib);
    this.#memoryKibMost = Math.max(this.#memoryKibMost, done.memoryKib);
    this.#listener.onDone(now - invocation.begunAt, done);
    this.#calls.delete(frame.call);
    this.#startStaged();
    this.#release(frame.call, invocation, done);
  }

  /** They have not begun, for all that is known; if not all is known, they may have, and nobody runs them again. */
  #dropStaged(isKnown: boolean): void {
    for (const { invocation } of this.#staged.splice(0)) {
      if (!isKnown) invocation.fail("instance_lost");
      if (invocation.unstage()) this.#listener.onReturned(invocation);
    }
  }

  #onReturned(number: number): void {
    const at = this.#staged.findIndex((staged) => staged.number === number);
    const [staged] = at === -1 ? [] : this.#staged.splice(at, 1);
    if (!staged) this.#violate("it gives back what it does not have");
    else if (staged.invocation.unstage()) this.#listener.onReturned(staged.invocation);
  }

  /** A call is done: the one that was given ahead has begun. */
  #startStaged(): void {
    this.#recalled = false;
    const next = this.#staged.shift();
    if (next) this.#start(next.number, next.invocation);
  }

  #release(number: number, invocation: Invocation, done?: Done): void {
    this.#calls.delete(number);
    this.#late.delete(number);
    invocation.end(done);
    this.#heardAt = performance.now();
    if (this.#state === "ready") this.#listener.onRoom(this);
    else if (this.#calls.size === 0) this.stop();
  }

  // The caller is answered at once. The function hears its abort signal; an instance whose loop does not turn is ended after the grace,
  // one that serves others too is ended after them.
  #timedOut(number: number, invocation: Invocation): void {
    if (invocation.phase === "running") invocation.output.say("the function took longer than it may");
    invocation.fail("function_timeout");
    if (this.#state === "ready") {
      this.#state = "retired";
      this.#listener.onRetired();
    }
    const { channel } = this.#handle!;
    // Before the others, so that a call that ends now lets none of them begin.
    this.recall();
    writeCancel(channel.writer(), number, CANCELLATION.deadline);
    channel.writer().begin(SANDBOX_FRAME.ping, 0, 0).end();
    const ping = ++this.#pings;
    this.#late.add(number);
    const isShared = this.#calls.size > this.#late.size;
    const graceMs = isShared ? INSTANCE_LIMITS.sharedGraceMs : INSTANCE_LIMITS.abortGraceMs;
    setTimeout(() => this.#onGraceOver(number, ping), graceMs);
  }

  #onGraceOver(number: number, ping: number): void {
    if (this.#state === "ended") return;
    if (this.#late.has(number)) {
      this.#abandoned.add(number);
      this.#release(number, this.#calls.get(number)!);
    }
    if (this.#pongs < ping) this.stop(SANDBOX_LIMITS.terminateTimeoutMs);
  }

  #violate(what: string): void {
    this.#handle!.violate(what);
  }

  #nextNumber(): number {
    do this.#lastNumber = this.#lastNumber === 0xffff_ffff ? 1 : this.#lastNumber + 1;
    while (this.#calls.has(this.#lastNumber) || this.#abandoned.has(this.#lastNumber));
    return this.#lastNumber;
  }
}

const { looseWindowMs: LOOSE_WINDOW_MS, looseLinesMax: LOOSE_LINES_MAX } = INSTANCE_LIMITS;
const RESPONSE_TYPES = new Set<number>([FRAME.head, FRAME.chunk, FRAME.credit, FRAME.failed]);
