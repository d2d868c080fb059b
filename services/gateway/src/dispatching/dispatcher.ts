import type { Beat } from "@millrace/proto/invocation/v1/invocation";
import type { AnswerSink, Call, Invocation } from "./call.ts";
import { Dispatch } from "./dispatch.ts";
import type { DispatchHost } from "./dispatch-host.ts";
import type { Runners } from "./runners.ts";

export interface DispatcherOptions extends Omit<DispatchHost, "wakeAt" | "askForEcho"> {
  /** Settles behind everything that is on its way here. */
  echo(): Promise<void>;
  /** Milliseconds that only rise. */
  nowMs: () => number;
}

/** Gives the dispatch a clock and its one timer. */
export class Dispatcher {
  readonly #dispatch: Dispatch;
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ nowMs, echo, ...host }: DispatcherOptions) {
    this.#nowMs = nowMs;
    const askForEcho = () => void echo().then(() => this.#dispatch.caughtUp(nowMs()));
    this.#dispatch = new Dispatch({ ...host, askForEcho, wakeAt: (atMs) => this.#wakeAt(atMs) }, nowMs());
  }

  get runners(): Runners {
    return this.#dispatch.runners;
  }

  get openCalls(): number {
    return this.#dispatch.openCalls;
  }

  get waitingCalls(): number {
    return this.#dispatch.waitingCalls;
  }

  get foreignFrames(): number {
    return this.#dispatch.foreignFrames;
  }

  /** Begins to look after time, and after the runners. */
  start(): void {
    this.#dispatch.wake(this.#nowMs());
  }

  /** Starts an invocation. Its answer goes to `sink`, perhaps before this returns. */
  invoke(invocation: Invocation, sink: AnswerSink): Call {
    return this.#dispatch.invoke(invocation, sink, this.#nowMs());
  }

  /** The caller has gone: nobody waits for the answer any more. */
  cancel(call: Call): void {
    this.#dispatch.cancel(call, this.#nowMs());
  }

  receive(runnerId: string, message: Buffer): void {
    this.#dispatch.receive(runnerId, message, this.#nowMs());
  }

  onBeat(runnerId: string, beat: Beat): void {
    this.#dispatch.onBeat(runnerId, beat, this.#nowMs());
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#timer);
    // Timers may fire a moment early.
    this.#timer = setTimeout(
      () => this.#dispatch.wake(Math.max(atMs, this.#nowMs())),
      Math.max(0, atMs - this.#nowMs()),
    );
  }
}
