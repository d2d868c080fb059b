import { type InvocationUsage, UsageBatch } from "@millrace/proto/invocation/v1/usage";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { bucketOf, DURATION_BUCKETS, UsageMinutes } from "@millrace/telemetry";
import { USAGE_LIMITS } from "../limits.ts";
import type { InvocationOutcome } from "./invocation.ts";

type Failure = "functionErrors" | "initFailures" | "timeouts" | "outOfMemory" | "lost" | "cancelled";

const FAILURES: Record<string, Failure> = {
  function_error: "functionErrors",
  function_response_invalid: "functionErrors",
  function_init_failed: "initFailures",
  function_timeout: "timeouts",
  function_out_of_memory: "outOfMemory",
  caller_gone: "cancelled",
};

/** Counts invocations by minute and function version, and tells of them. Versions beyond the bound are left out, and counted. */
export class VersionUsage {
  readonly #minutes: UsageMinutes<InvocationUsage>;
  /** Of this minute. */
  readonly #byRecord = new Map<FunctionVersionRecord, InvocationUsage>();
  #beyondBound = 0;

  constructor(deps: {
    nowMs: () => number;
    publish: (bytes: Uint8Array) => Promise<void>;
    log: { warn(fields: object, message: string): void };
  }) {
    this.#minutes = new UsageMinutes({
      nowMs: deps.nowMs,
      onOutage: (err) =>
        deps.log.warn({ err }, "the bus takes no counts; they are told again, for half an hour at most"),
      sizeOf: ({ count, throttled }) => count + throttled,
      onOver: () => this.#byRecord.clear(),
      tell: ({ series, ...word }) =>
        deps.publish(UsageBatch.encode({ ...word, requests: [], invocations: [...series] }).finish()),
    });
  }

  /** Invocations that no series was left for, and series that nobody took. */
  get dropped(): number {
    return this.#beyondBound + this.#minutes.dropped;
  }

  add(record: FunctionVersionRecord, outcome: InvocationOutcome): void {
    const usage = this.#usageOf(record);
    if (usage === null) return;
    const { reason, durationMs, waitMs, done } = outcome;
    usage.count++;
    if (reason !== "") usage[FAILURES[reason] ?? "lost"]++;
    if (outcome.cold) usage.coldStarts++;
    if (waitMs < durationMs) usage.begun++;
    usage.durationUs += Math.round(durationMs * 1_000);
    usage.waitUs += Math.round(waitMs * 1_000);
    usage.bytesIn += outcome.bytesIn;
    usage.bytesOut += outcome.bytesOut;
    usage.durations[bucketOf(durationMs)]!++;
    if (!done) return;
    usage.cpuUs += done.cpuUs;
    usage.memoryKibMax = Math.max(usage.memoryKibMax, done.memoryKib);
  }

  /** An attempt was refused at a limit of the function or its project. */
  addThrottled(record: FunctionVersionRecord): void {
    const usage = this.#usageOf(record);
    if (usage !== null) usage.throttled++;
  }

  start(): void {
    this.#minutes.start();
  }

  /** Tells what has changed; never two at once. */
  tell(): Promise<void> {
    return this.#minutes.tell();
  }

  /** Tells what it has, for a moment at most. */
  close(): Promise<void> {
    return this.#minutes.close();
  }

  #usageOf(record: FunctionVersionRecord): InvocationUsage | null {
    this.#minutes.turn();
    return this.#byRecord.get(record) ?? this.#open(record);
  }

  #open(record: FunctionVersionRecord): InvocationUsage | null {
    const { functionUid, version } = record;
    const name = `${functionUid} ${version}`;
    const known = this.#minutes.find(name);
    if (!known && this.#minutes.size >= USAGE_LIMITS.versionsMax) {
      this.#beyondBound++;
      return null;
    }
    const usage = known ?? this.#minutes.add(name, emptyUsage(functionUid, version));
    if (this.#byRecord.size < USAGE_LIMITS.versionsMax) this.#byRecord.set(record, usage);
    return usage;
  }
}

function emptyUsage(functionUid: string, version: number): InvocationUsage {
  return {
    functionUid,
    version,
    count: 0,
    functionErrors: 0,
    initFailures: 0,
    timeouts: 0,
    outOfMemory: 0,
    lost: 0,
    cancelled: 0,
    throttled: 0,
    coldStarts: 0,
    begun: 0,
    durationUs: 0,
    waitUs: 0,
    cpuUs: 0,
    bytesIn: 0,
    bytesOut: 0,
    memoryKibMax: 0,
    durations: new Array<number>(DURATION_BUCKETS).fill(0),
  };
}
