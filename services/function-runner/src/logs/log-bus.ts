import { SUBJECTS } from "@millrace/bus";
import {
  type InvocationOutcome as EncodedOutcome,
  LogBatch,
  type LogBatch_Line,
} from "@millrace/proto/invocation/v1/invocation";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import type { Invocation, InvocationOutcome } from "../instances/invocation.ts";
import { InvocationOutput, type OutputLine } from "../instances/invocation-output.ts";
import { OUTPUT_LIMITS } from "../limits.ts";
import type { OutputLevel } from "../sandbox/sandbox-frames.ts";

/**
 * Publishes what functions printed and how their invocations ended, one message an invocation, without waiting for anybody. More than the bus should carry is dropped
 * and counted; an invocation that went well and printed nothing is only sampled.
 */
export class LogPublisher {
  readonly #runnerId: string;
  readonly #publish: (subject: string, bytes: Uint8Array) => void;
  /** Printed outside invocations, by function version. */
  readonly #loose = new Map<string, { record: FunctionVersionRecord; output: InvocationOutput }>();
  readonly #window = { endsAt: 0, bytes: 0, quiet: 0 };
  #flushTimer: NodeJS.Timeout | undefined;
  dropped = 0;

  constructor(runnerId: string, publish: (subject: string, bytes: Uint8Array) => void) {
    this.#runnerId = runnerId;
    this.#publish = publish;
  }

  invocationOver(record: FunctionVersionRecord, invocation: Invocation, outcome: InvocationOutcome): void {
    const { output } = invocation;
    const isQuiet = output.lines.length === 0 && !outcome.reason && !outcome.cold;
    if (isQuiet && !this.#admitQuiet()) return;
    if (output.dropped > 0) output.say(`${output.dropped} lines were dropped: an invocation may print 64 KiB`);
    this.#send(record, invocation.request.requestId, output.lines, encodedOutcome(outcome));
  }

  /** Something printed or said outside any invocation. */
  loose(record: FunctionVersionRecord, level: OutputLevel | "platform", bytes: Buffer): void {
    const key = `${record.functionUid}@${record.version}`;
    const entry = this.#loose.get(key) ?? { record, output: new InvocationOutput() };
    this.#loose.set(key, entry);
    if (level === "platform") entry.output.say(bytes.toString("utf8"));
    else entry.output.add(level, bytes);
    this.#flushTimer ??= setTimeout(() => this.flush(), OUTPUT_LIMITS.flushMs);
  }

  flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    for (const { record, output } of this.#loose.values()) this.#send(record, "", output.lines, undefined);
    this.#loose.clear();
  }

  #send(
    record: FunctionVersionRecord,
    requestId: string,
    lines: readonly OutputLine[],
    outcome: EncodedOutcome | undefined,
  ): void {
    const { project, functionUid, functionId, version } = record;
    const batch: LogBatch = {
      project,
      functionUid,
      functionId,
      // A draft's number is negative.
      version: Math.max(0, version),
      requestId,
      lines: lines.map(lineMessage),
      outcome,
    };
    const bytes = LogBatch.encode(batch).finish();
    this.#turnWindow();
    this.#window.bytes += bytes.length;
    if (this.#window.bytes > OUTPUT_LIMITS.publishedBytesPerSecond) this.dropped++;
    else this.#publish(SUBJECTS.log(this.#runnerId, project, functionUid), bytes);
  }

  #admitQuiet(): boolean {
    this.#turnWindow();
    return ++this.#window.quiet <= OUTPUT_LIMITS.quietPerSecond;
  }

  #turnWindow(): void {
    const now = performance.now();
    if (now >= this.#window.endsAt) Object.assign(this.#window, { endsAt: now + 1_000, bytes: 0, quiet: 0 });
  }
}

export function lineMessage({ at, level, text }: OutputLine): LogBatch_Line {
  return { time: at, level, message: text };
}

export function encodedOutcome({ done, ...outcome }: InvocationOutcome): EncodedOutcome {
  return {
    ...outcome,
    endTime: new Date(),
    cpuUs: done?.cpuUs,
    cpuShared: done?.shared ?? false,
    memoryKib: done?.memoryKib,
  };
}
