import { CANCELLATION, type Frame, type Rejection, readBatchHeader, readFrames } from "@millrace/frames";
import type { Beat } from "@millrace/proto/invocation/v1/invocation";
import type { Reason, Refusal } from "../answering/reasons.ts";
import { DISPATCH_LIMITS } from "../limits.ts";
import { type AnswerEvents, takeAnswer } from "./answers.ts";
import { BusProof } from "./bus-proof.ts";
import { type AnswerSink, Call, type Invocation } from "./call.ts";
import type { DispatchHost } from "./dispatch-host.ts";
import { OpenCalls } from "./open-calls.ts";
import { type Choice, chooseRunner } from "./placement.ts";
import { RetryBudget } from "./retry-budget.ts";
import { type Runner, Runners, slotToKnockAt } from "./runners.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { WaitingLine } from "./waiting-line.ts";
import { whyGivenUp, whyTimedOut } from "./why-given-up.ts";

// Brings each invocation to a runner and its answer back. Every call ends exactly once, before its deadline: answered, failed with a reason of
// the table, or cancelled because the caller has gone. What a runner has not accepted, or may run twice, is placed again when the
// runner rejects it or is lost.
//
// A machine without clock, timer or bus: every input says what time it is, and what it wants done goes to its host (frames, answers, when
// to be woken), so that a simulator drives the same code as `dispatcher.ts`.
//
//   invoke ──▶ a free slot? ──yes──▶ placed ──accepted──▶ answering ──▶ over
//                  │ no                 │ rejected, or lost
//                  ▼                    ▼
//              would the wait      within the budget, and not accepted, or safe?
//              be short? ──no──▶ 503    │ yes            │ no ──▶ 502, 503
//                  │ yes                ▼
//               waiting ◀───────── a free slot elsewhere? …
//
// Slots that come free go to the projects that wait, in turn. A runner that is full of others' calls is knocked at now and then: it turns
// the call away, and keeps the next slot for whoever has less than a fair share.

/** All calls of one gateway, and the runners that they go to. Times are milliseconds of a clock that only rises. Nothing here waits. */
export class Dispatch {
  readonly runners: Runners;
  /** Frames that runners sent for calls of others; an honest one does by a rare chance after this process was started again. */
  foreignFrames = 0;
  readonly #host: DispatchHost;
  readonly #open: OpenCalls;
  readonly #line = new WaitingLine();
  readonly #wheel = new TimerWheel<Call>();
  readonly #budget: RetryBudget;
  #nowMs: number;
  #interruptions = 0;
  readonly #proof: BusProof;
  /** Whose frames are being read, as NATS says. */
  #sender = "";
  /** Filled anew for each call, so that none needs memory for it. */
  readonly #choice: Choice;
  #isServing = false;
  #sweepAtMs: number;
  #wakeAtMs = Infinity;
  #knockAtMs = 0;

  readonly #events: AnswerEvents = {
    finish: (call) => this.#finish(call),
    fail: (call, reason, detail) => this.#fail(call, reason, detail),
    abort: (call, reason, detail) => this.#abort(call, reason, detail),
    rejected: (call, rejection) => this.#onRejected(call, rejection),
    lost: (call, mayRunAgain) => this.#loseAttempt(call, mayRunAgain),
    torn: (call) => this.#tear(call),
  };

  constructor(host: DispatchHost, nowMs: number) {
    this.#host = host;
    this.#nowMs = nowMs;
    this.#proof = new BusProof(host.askForEcho, nowMs);
    this.#sweepAtMs = nowMs;
    this.#budget = new RetryBudget(nowMs);
    this.#open = new OpenCalls(host.random);
    this.#choice = { warm: [], all: [], loadMax: 1, random: host.random };
    this.runners = new Runners({ onLost: (runner) => this.#onRunnerLost(runner) });
  }

  get openCalls(): number {
    return this.#open.size;
  }

  get waitingCalls(): number {
    return this.#line.length;
  }

  /** Entries that wait for their time, for tests that look for leaks. */
  get timedCalls(): number {
    return this.#wheel.size;
  }

  /** Starts an invocation. Its answer goes to `sink`, perhaps before this returns. */
  invoke(invocation: Invocation, sink: AnswerSink, nowMs: number): Call {
    this.#setNow(nowMs);
    const { deadlineGraceMs, deadlineMsMax, openCallsMax } = DISPATCH_LIMITS;
    const lifetimeMs = Math.min(invocation.timeoutMs + deadlineGraceMs, deadlineMsMax);
    const call = new Call(invocation, sink, nowMs + lifetimeMs, this.#host.wire);
    if (this.#open.size >= openCallsMax) this.#fail(call, "overloaded", "This gateway serves as many calls as it can.");
    else if (!this.#place(call)) this.#wait(call);
    return call;
  }

  /** The caller has gone: nobody waits for the answer any more. */
  cancel(call: Call, nowMs: number): void {
    if (call.phase === "over") return;
    this.#setNow(nowMs);
    call.sendCancel(CANCELLATION.callerGone);
    this.#finish(call);
  }

  /** Takes a batch of frames from the runner on whose subject it came; the batch itself may claim anything. Never throws. */
  receive(runnerId: string, message: Buffer, nowMs: number): void {
    const header = readBatchHeader(message);
    if (header === null) return;
    this.#setNow(nowMs);
    this.#sender = runnerId;
    readFrames(message, header.framesAt, this.#onFrame);
  }

  onBeat(runnerId: string, beat: Beat, nowMs: number): void {
    this.#setNow(nowMs);
    this.runners.onBeat(runnerId, beat, nowMs);
    const runner = this.runners.get(runnerId);
    if (runner?.isTorn) this.#onBack(runner);
    this.#placeWaiting();
  }

  /** The time that `wakeAt` asked for has come, or the first wake. */
  wake(nowMs: number): void {
    this.#setNow(nowMs);
    this.#wakeAtMs = Infinity;
    this.#wheel.advance(nowMs, this.#onDue);
    try {
      if (nowMs >= this.#sweepAtMs) this.#sweep();
    } finally {
      this.#wakeBy(Math.min(this.#sweepAtMs, this.#wheel.nextAtMs()));
    }
  }

  /** An echo that was asked for has come. */
  caughtUp(nowMs: number): void {
    this.#setNow(nowMs);
    if (this.#proof.caughtUp()) this.#sweep();
  }

  // A runner is silent, or the bus is. Were it the bus, what is placed now would be run when it moves again, and perhaps a second time
  // elsewhere: until it echoes nobody is lost, and nothing is placed.
  #sweep(): void {
    const { beatAgeMsMax, sweepIntervalMs } = DISPATCH_LIMITS;
    this.#sweepAtMs = this.#nowMs + sweepIntervalMs;
    const isUnproven = this.runners.sweep(this.#nowMs, beatAgeMsMax, sweepIntervalMs * 4, this.#proof.provenAtMs);
    if (isUnproven) this.#proof.doubt(this.#nowMs);
    this.#placeWaiting();
  }

  // Wakes come every `sweepIntervalMs` at least. Who did not get one for long may have runners in mind that are other processes by now:
  // a call that it placed there would be run by the new one, taken for lost with the old one, and placed again.
  #setNow(nowMs: number): void {
    const { interruptions } = this.#host.wire;
    // Beats that came while the connection was broken are lost: the next ones are waited for.
    if (interruptions !== this.#interruptions) this.runners.tear();
    this.#interruptions = interruptions;
    this.#nowMs = nowMs;
    this.#proof.notice(nowMs);
  }

  readonly #onDue = (call: Call): void => {
    if (call.phase === "over") return;
    try {
      if (this.#nowMs >= call.deadlineAtMs) this.#onDeadline(call);
      else if (this.#nowMs < call.nextDueAtMs) this.#watch(call);
      else if (call.phase === "waiting") this.#giveUp(call);
      else this.#onSilence(call);
    } catch (err) {
      this.#breakOff(call, err);
    }
  };

  #onDeadline(call: Call): void {
    call.sendCancel(CANCELLATION.deadline);
    if (call.attempts === 0 || call.phase === "waiting") this.#giveUp(call);
    else this.#refuse(call, whyTimedOut(call));
  }

  /** A safe call that nobody accepted: its frame may have gone astray. */
  #onSilence(call: Call): void {
    call.sendCancel(CANCELLATION.deadline);
    call.refusedBy(call.runner!, "platform");
    call.waitsUntilMs = undefined;
    this.#leaveRunner(call);
    this.#retry(call);
  }

  readonly #onFrame = (frame: Frame): void => {
    const call = this.#open.get(frame.call);
    // Late frames of an earlier attempt concern nobody.
    if (call === undefined) return;
    if (call.runner?.id !== this.#sender) {
      this.foreignFrames++;
      return;
    }
    try {
      if (call.runner.isTorn && call.wasInterrupted && call.isInParts) this.#tear(call);
      else takeAnswer(call, frame, this.#nowMs, this.#events);
    } catch (err) {
      this.#breakOff(call, err);
    }
  };

  /** Something is wrong with one call, or with whom it is answered to: the others go on. */
  #breakOff(call: Call, err: unknown): void {
    const { requestId } = call.invocation.content;
    this.#host.log.warn({ err, requestId }, "an answer could not be passed on");
    try {
      this.#abort(call, "internal", "The answer could not be passed on.");
    } catch (err) {
      this.#host.log.warn({ err, requestId }, "nor could that be said");
    }
  }

  #onRejected(call: Call, rejection: Rejection): void {
    if (call.phase !== "placed") return;
    const runner = call.runner!;
    call.refusedBy(runner, rejection);
    this.#leaveRunner(call);
    // Until the next beat it has the slots of ours that it runs, and no more.
    if (rejection === "busy") runner.deniedSlots = runner.slots - runner.outstanding;
    if (rejection === "draining") runner.draining = true;
    this.#placeAgain(call);
  }

  #onRunnerLost(runner: Runner): void {
    this.#host.log.warn({ runner: runner.id, calls: runner.outstanding }, "a runner was lost");
    for (const call of this.#open.at(runner)) {
      const { mayRunAgain } = call;
      // It may only have fallen silent.
      call.sendCancel(CANCELLATION.callerGone);
      this.#loseAttempt(call, mayRunAgain);
    }
  }

  #loseAttempt(call: Call, mayRunAgain: boolean): void {
    this.#leaveRunner(call);
    call.rejection = null;
    call.waitsUntilMs = undefined;
    if (mayRunAgain) this.#retry(call);
    else this.#fail(call, "runner_lost", "The runner that served the request was lost; the function may have run.");
  }

  /** A runner beats again after the connection broke. It is asked whether it still has the calls that nothing can be missing of. */
  #onBack(runner: Runner): void {
    runner.isTorn = false;
    for (const call of this.#open.at(runner)) {
      if (!call.wasInterrupted) continue;
      if (call.isInParts) this.#tear(call);
      else call.sendProbe();
    }
  }

  /** What was lost with the connection would leave a hole in what follows. */
  #tear(call: Call): void {
    this.#abort(
      call,
      "runner_lost",
      "The connection to the runner broke in the midst of the request or of its answer.",
    );
  }

  /** Places again what a runner may have begun: within the budget that all calls share. */
  #retry(call: Call): void {
    if (this.#budget.spend(this.#nowMs)) this.#placeAgain(call);
    else if (call.rejection !== null) this.#giveUp(call);
    else this.#fail(call, "runner_lost", "The runner was lost, and too many requests are placed again already.");
  }

  #placeAgain(call: Call): void {
    const whole = call.startOver();
    if (!whole) this.#fail(call, "runner_lost", "The runner was lost, and the body cannot be sent again.");
    else if (call.setbacks >= DISPATCH_LIMITS.setbacksMax) this.#giveUp(call);
    else if (!this.#place(call)) this.#wait(call);
  }

  /** True when the call has a runner, or is over. */
  readonly #place = (call: Call): boolean => {
    if (!this.#host.isConnected()) {
      this.#fail(call, "no_runner", "The runners cannot be reached.");
      return true;
    }
    // This process stood still for longer than the call may live.
    if (this.#nowMs >= call.deadlineAtMs) {
      this.#giveUp(call);
      return true;
    }
    if (!this.#mayPlace()) return false;
    const { runners } = this;
    this.#choice.warm = runners.warmFor(call.functionKey);
    this.#choice.all = runners.all();
    this.#choice.loadMax = runners.loadMax(this.#nowMs);
    const runner = chooseRunner(this.#choice, call);
    if (runner === null) return false;
    this.#send(call, runner);
    return true;
  };

  /** Whether frames reach runners, and what is known of runners is of this moment. */
  #mayPlace(): boolean {
    return this.#host.isConnected() && this.#proof.isFresh;
  }

  /** Whether it is worth while to go through those that wait. Without a connection, their turn is their end. */
  readonly #hasTurns = (): boolean => {
    if (!this.#mayPlace()) return !this.#host.isConnected();
    return this.runners.haveRoom() || (this.#line.hasDeep && this.runners.haveRoom(DISPATCH_LIMITS.depthMax));
  };

  #send(call: Call, runner: Runner, knocks = false): void {
    if (call.attempts === 0) this.#budget.earn();
    const number = this.#open.add(call);
    runner.outstanding++;
    try {
      call.sendTo(runner, number, this.#nowMs, knocks);
      this.#watch(call);
    } catch (err) {
      this.#host.log.warn({ err, requestId: call.invocation.content.requestId }, "a call could not be sent");
      this.#abort(call, "internal", "The request could not be passed on.");
    }
  }

  #wait(call: Call): void {
    if (!this.#mayWait(call)) {
      this.#giveUp(call);
      return;
    }
    call.waitsUntilMs ??= this.#nowMs + DISPATCH_LIMITS.waitMsMax;
    this.#line.add(call, this.#nowMs);
    this.#watch(call);
    this.#knock();
  }

  #mayWait(call: Call): boolean {
    const { expectedWaitMsMax, waitingMax } = DISPATCH_LIMITS;
    // Who is quarantined everywhere would only wait in vain. A function at its limit everywhere is told at once: its provider wants no more.
    if (call.rejection === "quarantined" || call.rejection === "atLimit") return false;
    const waitMsMax = Math.min(expectedWaitMsMax, call.deadlineAtMs - this.#nowMs);
    if (call.attempts === 0 && this.runners.count > 0 && this.#line.expectedWaitMs(call, this.#nowMs) > waitMsMax)
      return false;
    if (this.#line.length < waitingMax) return true;
    const last = this.#line.lastOfLongest(call);
    if (last !== undefined) this.#giveUp(last);
    return last !== undefined;
  }

  /** A slot may be free: projects take turns, and in each the one goes first who waited longest. */
  #placeWaiting(): void {
    // Calls that fail on the way would come back here.
    if (this.#isServing || this.#line.length === 0) return;
    this.#isServing = true;
    try {
      this.#line.serve(this.#place, this.#hasTurns);
    } finally {
      this.#isServing = false;
    }
    this.#knock();
  }

  /** Somebody waits, and others hold all slots: asks one of the runners for a slot, so that it learns of it. */
  #knock(): void {
    if (this.#nowMs < this.#knockAtMs || this.#line.length === 0 || !this.#mayPlace()) return;
    this.#knockAtMs = this.#nowMs + DISPATCH_LIMITS.knockIntervalMs;
    const call = this.#line.first()!;
    const runner = slotToKnockAt(this.runners.all(), call, this.#host.random);
    if (runner === null) return;
    runner.knockedAtSequence = runner.sequence;
    this.#line.remove(call);
    this.#send(call, runner, true);
  }

  #giveUp(call: Call): void {
    this.#refuse(call, whyGivenUp(call, this.runners, this.#host.isConnected()));
  }

  #abort(call: Call, reason: Reason, detail: string): void {
    call.sendCancel(CANCELLATION.callerGone);
    this.#fail(call, reason, detail);
  }

  #fail(call: Call, reason: Reason, detail: string): void {
    this.#finish(call);
    call.sink.failed(reason, detail);
  }

  #refuse(call: Call, { reason, detail }: Refusal): void {
    this.#fail(call, reason, detail);
  }

  #finish(call: Call): void {
    this.#wheel.remove(call);
    this.#line.remove(call);
    this.#leaveRunner(call);
    call.phase = "over";
    call.invocation.body.onMore = null;
    this.#placeWaiting();
  }

  #leaveRunner(call: Call): void {
    if (call.runner === null || !this.#open.delete(call.number)) return;
    call.runner.outstanding--;
    if (call.phase !== "placed") this.#line.noteDeparture(this.#nowMs);
  }

  /** Sees that the call is looked at when it is due. One that is looked at sooner anyway is left where it is. */
  #watch(call: Call): void {
    const dueAtMs = call.nextDueAtMs;
    if (call.place !== -1) {
      if (call.dueAtMs <= dueAtMs) return;
      this.#wheel.remove(call);
    }
    this.#wakeBy(this.#wheel.add(call, dueAtMs, this.#nowMs));
  }

  #wakeBy(atMs: number): void {
    if (atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    this.#host.wakeAt(atMs);
  }
}
