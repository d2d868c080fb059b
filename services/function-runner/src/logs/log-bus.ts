import { EventTallies, SUBJECTS, type TallyRecord } from "@millrace/bus";
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

/** Of a message that tells how much was told, and nothing else. */
const NO_FUNCTION = "-";

/**
 * Publishes what functions printed and how their invocations ended, one message an invocation, without waiting for anybody. More than the bus should carry is dropped,
 * counted by project, and control-plane is told how much it was; of invocations that went well and printed nothing only so many a second are told.
 */
export class LogPublisher {
  readonly #runnerId: string;
  /** Answers false when there is no bus. */
  readonly #publish: (subject: string, bytes: Uint8Array) => boolean;
  readonly #tallies = new EventTallies();
  /** Printed outside invocations, by function version. */
  readonly #loose = new Map<string, { record: FunctionVersionRecord; output: InvocationOutput }>();
  readonly #window = { endsAt: 0, bytes: 0, quiet: 0 };
  #flushTimer: NodeJS.Timeout | undefined;
  #tallyTimer: NodeJS.Timeout | undefined;

  constructor(runnerId: string, publish: (subject: string, bytes: Uint8Array) => boolean) {
    this.#runnerId = runnerId;
    this.#publish = publish;
  }

  /** Lines that nobody was told of; the end of an invocation is one. */
  get dropped(): number {
    return this.#tallies.dropped;
  }

  invocationOver(record: FunctionVersionRecord, invocation: Invocation, outcome: InvocationOutcome): void {
    const { output } = invocation;
    const isQuiet = output.lines.length === 0 && !outcome.reason && !outcome.cold;
    if (isQuiet && !this.#admitQuiet()) {
      this.#tallies.drop(record.project, 1);
      this.#startTallying();
      return;
    }
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

  /** Sends what waits, and how much was left out. */
  close(): void {
    this.flush();
    this.#tellTallies(true);
    clearTimeout(this.#tallyTimer);
  }

  #send(
    record: FunctionVersionRecord,
    requestId: string,
    lines: readonly OutputLine[],
    outcome: EncodedOutcome | undefined,
  ): void {
    const { project, functionUid, functionId, version } = record;
    const count = lines.length + (outcome ? 1 : 0);
    const tally = this.#tallies.tell(project, count, performance.now());
    // A draft's number is negative.
    const numbered = { functionUid, functionId, version: Math.max(0, version) };
    const said = { ...numbered, requestId, lines: lines.map(lineMessage), outcome };
    const bytes = LogBatch.encode({ project, ...said, tally }).finish();
    this.#turnWindow();
    this.#window.bytes += bytes.length;
    const hasRoom = this.#window.bytes <= OUTPUT_LIMITS.publishedBytesPerSecond;
    const isSent = hasRoom && this.#publish(SUBJECTS.log(this.#runnerId, project, functionUid), bytes);
    if (!isSent) this.#tallies.untell(project, count);
    this.#startTallying();
  }

  #startTallying(): void {
    this.#tallyTimer ??= setTimeout(() => this.#tellTallies(), OUTPUT_LIMITS.tallyTurnMs).unref();
  }

  #tellTallies(isLast = false): void {
    const send = (tally: TallyRecord) => {
      const batch = LogBatch.fromPartial({ project: tally.project, tally });
      return this.#publish(SUBJECTS.log(this.#runnerId, tally.project, NO_FUNCTION), LogBatch.encode(batch).finish());
    };
    this.#tallies.tellDue(performance.now(), send, isLast);
    this.#tallyTimer = undefined;
    if (this.#tallies.isOpen) this.#startTallying();
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
