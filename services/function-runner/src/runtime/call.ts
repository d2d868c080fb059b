import { CANCELLATION, FLAG, type Frame, type Invoke } from "@millrace/frames";
import type { Channel } from "../sandbox/channel.ts";
import { BodyIntake } from "./body-intake.ts";
import { ResponseSender } from "./response-sender.ts";
import { InvocationTrace } from "./trace.ts";

/** One invocation as its instance sees it. */
export class Call {
  readonly id: number;
  readonly invoke: Invoke;
  readonly intake: BodyIntake;
  readonly sender: ResponseSender;
  readonly beganAt = performance.now();
  readonly #endsAt: number;
  #trace: InvocationTrace | undefined;
  readonly #pending = new Set<Promise<unknown>>();
  #controller: AbortController | undefined;
  #abortReason: DOMException | undefined;
  ended = false;
  /** It threw, or what it answered is no answer. */
  failed = false;
  outputBytes = 0;
  outputLines = 0;
  droppedLines = 0;

  constructor(channel: Channel, frame: Frame, invoke: Invoke) {
    this.id = frame.call;
    this.invoke = invoke;
    this.#endsAt = this.beganAt + invoke.remainingMs;
    this.intake = new BodyIntake(channel, frame.call, invoke.body, (frame.flags & FLAG.end) !== 0);
    this.sender = new ResponseSender(channel, frame.call);
  }

  get remainingMs(): number {
    return Math.max(0, Math.floor(this.#endsAt - performance.now()));
  }

  /** Made when first asked for, as the signal is: most functions never do. */
  get trace(): InvocationTrace {
    this.#trace ??= new InvocationTrace(this);
    return this.#trace;
  }

  /** Whether anything was measured in it. */
  get hasSpans(): boolean {
    return this.#trace?.isUsed === true;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get isCancelled(): boolean {
    return this.#abortReason !== undefined;
  }

  cancel(cancellation: number): void {
    this.#abortReason ??=
      cancellation === CANCELLATION.callerGone
        ? new DOMException("The caller is gone.", "AbortError")
        : new DOMException("The invocation's time is over.", "TimeoutError");
    this.sender.cut();
    this.intake.fail(this.#abortReason);
    this.#controller?.abort(this.#abortReason);
  }

  waitUntil(promise: unknown): void {
    const settled = Promise.resolve(promise).finally(() => this.#pending.delete(settled));
    // Its failure is reported by `settled()`; until then it is no unhandled one.
    settled.catch(() => {});
    this.#pending.add(settled);
  }

  /** Waits for everything given to `waitUntil`; answers the failures. */
  async settled(): Promise<unknown[]> {
    const failures: unknown[] = [];
    while (this.#pending.size > 0) {
      for (const outcome of await Promise.allSettled(this.#pending)) {
        if (outcome.status === "rejected") failures.push(outcome.reason);
      }
    }
    return failures;
  }

  get hasPendingWork(): boolean {
    return this.#pending.size > 0;
  }
}
