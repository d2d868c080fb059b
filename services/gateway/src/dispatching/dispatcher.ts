import {
  CANCELLATION,
  FLAG,
  FRAME,
  type Frame,
  type Rejection,
  readBatchHeader,
  readCredit,
  readFailed,
  readFrames,
  readHead,
  readRejected,
} from "@millrace/frames";
import { type Reason, reasonOfRunner } from "../answering/reasons.ts";
import { DISPATCH_LIMITS } from "../limits.ts";
import { type AnswerSink, Call, type Invocation, type Wire } from "./call.ts";
import { chooseRunner } from "./placement.ts";
import { freeSlots, type Runner, Runners } from "./runners.ts";

// Brings each invocation to a runner and its answer back. Every call ends exactly once, before its deadline: answered, failed with a reason of
// the table, or cancelled because the caller has gone. What a runner has not accepted, or may run twice, is placed again when the
// runner rejects it or is lost.

export interface DispatcherOptions {
  wire: Wire;
  /** Whether frames reach anybody at all. */
  isConnected: () => boolean;
  /** Milliseconds that only rise. */
  nowMs: () => number;
  random: () => number;
  log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

export class Dispatcher {
  readonly runners: Runners;
  readonly #options: DispatcherOptions;
  readonly #open = new Map<number, Call>();
  /** In order of arrival. */
  readonly #waiting = new Set<Call>();
  #lastNumber: number;
  #sender = "";
  #placing = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    // At random, so that what runners still send to the process before this one is not taken for an answer to a call of ours.
    this.#lastNumber = Math.floor(options.random() * 2 ** 32);
    this.runners = new Runners({ onLost: (runner) => this.#onRunnerLost(runner) });
  }

  get openCalls(): number {
    return this.#open.size;
  }

  get waitingCalls(): number {
    return this.#waiting.size;
  }

  /** Starts an invocation. Its answer goes to `sink`, perhaps before this returns. */
  invoke(invocation: Invocation, sink: AnswerSink): Call {
    const { deadlineGraceMs, deadlineMsMax, openCallsMax } = DISPATCH_LIMITS;
    const lifetimeMs = Math.min(invocation.timeoutMs + deadlineGraceMs, deadlineMsMax);
    const call = new Call(invocation, sink, this.#options.nowMs() + lifetimeMs, this.#options.wire);
    call.deadlineTimer = setTimeout(onDeadline, lifetimeMs, this, call);
    if (this.#open.size >= openCallsMax) this.#fail(call, "overloaded", "This gateway serves as many calls as it can.");
    else if (!this.#place(call)) this.#wait(call);
    return call;
  }

  /** The caller has gone: nobody waits for the answer any more. */
  cancel(call: Call): void {
    if (call.phase === "over") return;
    call.sendCancel(CANCELLATION.callerGone);
    this.#finish(call);
  }

  /** Takes a batch of frames from a runner. Never throws. */
  receive(message: Buffer): void {
    const header = readBatchHeader(message);
    if (header === null) return;
    this.#sender = header.sender;
    readFrames(message, header.framesAt, this.#onFrame);
  }

  /** A slot may be free: who waited longest goes first. */
  placeWaiting(): void {
    // Calls that fail on the way would come back here.
    if (this.#placing || this.#waiting.size === 0) return;
    this.#placing = true;
    for (const call of this.#waiting) {
      if (this.#options.isConnected() && !this.runners.haveRoom()) break;
      if (this.#place(call)) this.#stopWaiting(call);
    }
    this.#placing = false;
  }

  /** Finds lost runners and safe calls that nobody accepted. To be called every `sweepIntervalMs`. */
  sweep(): void {
    const { beatAgeMsMax, sweepIntervalMs, acceptanceMsMax } = DISPATCH_LIMITS;
    const nowMs = this.#options.nowMs();
    this.runners.sweep(nowMs, beatAgeMsMax, sweepIntervalMs * 4);
    for (const call of this.#open.values()) {
      if (call.phase !== "placed" || !call.invocation.safe || nowMs - call.placedAtMs < acceptanceMsMax) continue;
      call.sendCancel(CANCELLATION.deadline);
      call.refusedBy(call.runner!, "platform");
      call.waitsUntilMs = undefined;
      this.#leaveRunner(call);
      this.#placeAgain(call);
    }
  }

  onDeadline(call: Call): void {
    if (call.phase === "over") return;
    call.sendCancel(CANCELLATION.deadline);
    if (call.attempts === 0 || call.phase === "waiting") this.#giveUp(call);
    else if (call.wasInterrupted) {
      this.#fail(
        call,
        "runner_lost",
        "The connection to the runner broke, and its answer with it; the function may have run.",
      );
    } else this.#fail(call, "function_timeout", "The function did not answer in time.");
  }

  readonly #onFrame = (frame: Frame): void => {
    const call = this.#open.get(frame.call);
    // Late frames of an earlier attempt, and frames in another runner's name, concern nobody.
    if (call === undefined || call.runner?.id !== this.#sender) return;
    try {
      this.#take(call, frame);
    } catch (err) {
      this.#options.log.warn({ err, requestId: call.invocation.content.requestId }, "an answer could not be passed on");
      this.#abort(call, "internal", "The answer could not be passed on.");
    }
  };

  #take(call: Call, frame: Frame): void {
    switch (frame.type) {
      case FRAME.accepted:
        call.onAccepted();
        break;
      case FRAME.rejected:
        this.#onRejected(call, readRejected(frame));
        break;
      case FRAME.credit:
        call.onCredit(readCredit(frame));
        break;
      case FRAME.head:
        this.#onHead(call, frame);
        break;
      case FRAME.chunk:
        this.#onChunk(call, frame);
        break;
      case FRAME.failed:
        this.#onFailed(call, frame);
        break;
    }
  }

  #onHead(call: Call, frame: Frame): void {
    const head = readHead(frame);
    if (head === null || call.phase === "answering" || !call.receive(head.body.length)) {
      this.#abort(call, "function_response_invalid", "The function's response could not be read.");
      return;
    }
    call.onAccepted();
    call.phase = "answering";
    const end = (frame.flags & FLAG.end) !== 0;
    if (end) this.#finish(call);
    call.sink.head(head, end);
  }

  #onChunk(call: Call, frame: Frame): void {
    if (call.phase !== "answering" || !call.receive(frame.payload.length)) {
      this.#abort(call, "function_response_invalid", "The function's response came out of order.");
      return;
    }
    const end = (frame.flags & FLAG.end) !== 0;
    if (end) this.#finish(call);
    call.sink.chunk(frame.payload, end);
  }

  #onFailed(call: Call, frame: Frame): void {
    const failure = readFailed(frame);
    this.#fail(call, reasonOfRunner(failure?.reason ?? ""), failure?.message || "The function failed.");
  }

  #onRejected(call: Call, rejection: Rejection): void {
    if (call.phase !== "placed") return;
    const runner = call.runner!;
    call.refusedBy(runner, rejection);
    this.#leaveRunner(call);
    if (rejection === "busy") runner.fullAtSequence = runner.sequence;
    if (rejection === "draining") runner.draining = true;
    this.#placeAgain(call);
  }

  #onRunnerLost(runner: Runner): void {
    this.#options.log.warn({ runner: runner.id, calls: runner.outstanding }, "a runner was lost");
    for (const call of this.#open.values()) {
      if (call.runner !== runner) continue;
      const mayRunAgain = call.phase === "placed" || (call.phase === "accepted" && call.invocation.safe);
      this.#leaveRunner(call);
      call.rejection = null;
      call.waitsUntilMs = undefined;
      if (mayRunAgain) this.#placeAgain(call);
      else this.#fail(call, "runner_lost", "The runner that served the request was lost; the function may have run.");
    }
  }

  #placeAgain(call: Call): void {
    const whole = call.startOver();
    if (!whole) this.#fail(call, "runner_lost", "The runner was lost, and the body cannot be sent again.");
    else if (call.setbacks >= DISPATCH_LIMITS.setbacksMax) this.#giveUp(call);
    else if (!this.#place(call)) this.#wait(call);
  }

  /** True when the call has a runner, or is over. */
  #place(call: Call): boolean {
    if (!this.#options.isConnected()) {
      this.#fail(call, "no_runner", "The runners cannot be reached.");
      return true;
    }
    const { functionKey } = call.invocation.content;
    const runner = chooseRunner(this.runners.warmFor(functionKey), this.runners.all(), call, this.#options.random);
    if (runner === null) return false;
    const number = this.#nextNumber();
    this.#open.set(number, call);
    runner.outstanding++;
    call.place(runner, number, this.#options.nowMs());
    return true;
  }

  #wait(call: Call): void {
    // Who is quarantined everywhere would only wait in vain.
    if (call.rejection === "quarantined" || this.#waiting.size >= DISPATCH_LIMITS.waitingMax) {
      this.#giveUp(call);
      return;
    }
    const nowMs = this.#options.nowMs();
    call.waitsUntilMs ??= nowMs + DISPATCH_LIMITS.waitMsMax;
    this.#waiting.add(call);
    call.waitTimer = setTimeout(onWaited, call.waitsUntilMs - nowMs, this, call);
  }

  /** Nobody took the call in time. */
  giveUp(call: Call): void {
    if (this.#waiting.has(call)) this.#giveUp(call);
  }

  #giveUp(call: Call): void {
    if (call.rejection === "quarantined") {
      this.#fail(call, "function_quarantined", "The function version keeps failing and is held back for a while.");
    } else if (
      !this.#options.isConnected() ||
      this.runners.count === 0 ||
      (call.rejection !== null && NOT_FULL.has(call.rejection) && !this.#isCrowdedOut(call))
    ) {
      this.#fail(call, "no_runner", "There is no runner that can take the request.");
    } else this.#fail(call, "overloaded", "All runners are busy.");
  }

  /** Whether a runner that might serve the call has no free slot now. */
  #isCrowdedOut(call: Call): boolean {
    for (const runner of this.runners.all()) {
      if (!runner.draining && freeSlots(runner) <= 0 && !call.excludes(runner)) return true;
    }
    return false;
  }

  #stopWaiting(call: Call): void {
    this.#waiting.delete(call);
    clearTimeout(call.waitTimer);
  }

  #abort(call: Call, reason: Reason, detail: string): void {
    call.sendCancel(CANCELLATION.callerGone);
    this.#fail(call, reason, detail);
  }

  #fail(call: Call, reason: Reason, detail: string): void {
    this.#finish(call);
    call.sink.failed(reason, detail);
  }

  #finish(call: Call): void {
    clearTimeout(call.deadlineTimer);
    this.#stopWaiting(call);
    this.#leaveRunner(call);
    call.phase = "over";
    call.invocation.body.onMore = null;
    this.placeWaiting();
  }

  #leaveRunner(call: Call): void {
    if (call.runner === null || !this.#open.delete(call.number)) return;
    call.runner.outstanding--;
    // Whatever it said before, there is room for one more now.
    call.runner.fullAtSequence = -1;
  }

  #nextNumber(): number {
    do this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    while (this.#open.has(this.#lastNumber));
    return this.#lastNumber;
  }
}

const NOT_FULL: ReadonlySet<Rejection> = new Set(["unknownFunction", "platform", "draining"]);

function onDeadline(dispatcher: Dispatcher, call: Call): void {
  dispatcher.onDeadline(call);
}

function onWaited(dispatcher: Dispatcher, call: Call): void {
  dispatcher.giveUp(call);
}
