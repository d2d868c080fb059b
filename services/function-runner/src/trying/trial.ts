import { FLAG, FRAME, type Frame, readFailed, readHead, readRejected } from "@millrace/frames";
import type { TrialResponse } from "@millrace/proto/invocation/v1/invocation";
import type { Invocation, InvocationOutcome } from "../instances/invocation.ts";
import { InvocationOutput } from "../instances/invocation-output.ts";
import { OUTPUT_LIMITS, TRIAL_LIMITS } from "../limits.ts";
import { encodedOutcome, lineMessage } from "../logs/log-bus.ts";
import type { OutputLevel } from "../sandbox/sandbox-frames.ts";

/** One call that tries a function: gathers its answer, what it printed and how it ended. */
export class Trial {
  readonly #settled = Promise.withResolvers<TrialResponse>();
  readonly #timer: NodeJS.Timeout;
  /** Printed while its instance was being started: the function's own initialisation. */
  readonly #early = new InvocationOutput();
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #headers: string[] = [];
  #reason = "";
  #truncated = false;
  #answered = false;
  #over: { invocation: Invocation; outcome: InvocationOutcome } | undefined;

  /** Settles at the latest a moment after the call's own deadline. */
  constructor(timeoutMs: number) {
    this.#timer = setTimeout(() => this.#settle(), timeoutMs + TRIAL_LIMITS.graceMs);
  }

  get response(): Promise<TrialResponse> {
    return this.#settled.promise;
  }

  /** Takes a frame of the answer. Answers false when it has all of it that it keeps, and the rest is not worth being sent. */
  take(frame: Frame): boolean {
    if (frame.type === FRAME.rejected) this.#respond({ $case: "rejection", value: readRejected(frame) });
    else if (frame.type === FRAME.failed) this.#reason = readFailed(frame)?.reason ?? "instance_lost";
    else if (frame.type === FRAME.head) {
      const head = readHead(frame);
      this.#status = head?.status ?? 0;
      this.#headers = [...(head?.headers ?? [])];
      this.#keep(head?.body ?? new Uint8Array());
    } else if (frame.type === FRAME.chunk) this.#keep(frame.payload);
    else return true;
    if ((frame.flags & FLAG.end) !== 0 || this.#truncated) this.#answered = true;
    if (this.#answered && this.#over) this.#settle();
    return !this.#truncated;
  }

  /** Something printed outside any invocation by the version that is tried: as much of it as an invocation may print. */
  print(level: OutputLevel | "platform", bytes: Buffer): void {
    if (level !== "platform") this.#early.add(level, bytes);
    else if (this.#early.lines.length < OUTPUT_LIMITS.linesMax) this.#early.say(bytes.toString("utf8"));
  }

  over(invocation: Invocation, outcome: InvocationOutcome): void {
    this.#over = { invocation, outcome };
    if (this.#answered) this.#settle();
  }

  #keep(bytes: Uint8Array): void {
    const room = TRIAL_LIMITS.bodyBytesMax - this.#bytes;
    this.#truncated ||= bytes.length > room;
    this.#chunks.push(Buffer.from(bytes.subarray(0, room)));
    this.#bytes += Math.min(bytes.length, room);
  }

  #settle(): void {
    const { invocation, outcome } = this.#over ?? {};
    const lines = [...this.#early.lines, ...(invocation?.output.lines ?? [])];
    const encoded = outcome && encodedOutcome(outcome);
    // What is cut short is left by its caller; that is no failure.
    const reason = this.#truncated ? "" : this.#reason || encoded?.reason || (this.#over ? "" : "function_timeout");
    this.#respond({
      $case: "result",
      value: {
        status: this.#status,
        headers: this.#headers,
        body: Buffer.concat(this.#chunks),
        bodyTruncated: this.#truncated,
        lines: lines.map(lineMessage),
        linesDropped: this.#early.dropped + (invocation?.output.dropped ?? 0),
        outcome: { ...(encoded ?? NO_OUTCOME), reason },
      },
    });
  }

  #respond(outcome: TrialResponse["outcome"]): void {
    clearTimeout(this.#timer);
    this.#settled.resolve({ outcome });
  }
}

const NO_OUTCOME = {
  endTime: undefined,
  status: 0,
  durationMs: 0,
  waitMs: 0,
  cpuUs: undefined,
  cpuShared: false,
  memoryKib: undefined,
  cold: false,
  bytesIn: 0,
  bytesOut: 0,
};
