import {
  type Batcher,
  FRAME,
  type Frame,
  readBatchHeader,
  readFrames,
  readInvokePlacement,
  writeAccepted,
  writeRejected,
} from "@millrace/frames";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import type { FunctionPool } from "../instances/function-pool.ts";
import { Invocation, type InvocationOutcome } from "../instances/invocation.ts";
import { PLACING_LIMITS } from "../limits.ts";

type Placement = NonNullable<ReturnType<typeof readInvokePlacement>>;

export interface PlacingDependencies {
  slots: number;
  batcher: Batcher;
  records: {
    get(key: string): FunctionVersionRecord | undefined;
    waitFor(key: string, timeoutMs: number): Promise<FunctionVersionRecord | undefined>;
  };
  poolOf(record: FunctionVersionRecord): FunctionPool;
  /** The number of busy slots, or whether the runner drains, is another. */
  onChange(): void;
  onOver(record: FunctionVersionRecord, invocation: Invocation, outcome: InvocationOutcome): void;
}

/** Takes invocations from gateways as long as there are slots, and passes on what gateways send for them. */
export class Placing {
  readonly #deps: PlacingDependencies;
  /** By gateway, then by the gateway's number of the call. */
  readonly #open = new Map<string, Map<number, Invocation>>();
  readonly #rejected = { busy: 0, draining: 0, unknownFunction: 0 };
  #busy = 0;
  #draining = false;
  #emptied: (() => void) | undefined;

  constructor(deps: PlacingDependencies) {
    this.#deps = deps;
  }

  get slotsBusy(): number {
    return this.#busy;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** Takes a batch of frames from a gateway. */
  receive(message: Buffer): void {
    const header = readBatchHeader(message);
    if (header) readFrames(message, header.framesAt, (frame) => this.#onFrame(header.sender, frame));
  }

  /** Rejects what is new from now on, and waits until what runs is over. Answers whether all of it was in time. */
  async drained(timeoutMs: number): Promise<boolean> {
    this.#draining = true;
    this.#deps.onChange();
    if (this.#busy === 0) return true;
    const emptied = Promise.withResolvers<void>();
    this.#emptied = emptied.resolve;
    const timer = setTimeout(emptied.resolve, timeoutMs);
    await emptied.promise;
    clearTimeout(timer);
    return this.#busy === 0;
  }

  get rejections(): Readonly<Record<string, number>> {
    return this.#rejected;
  }

  #onFrame(gateway: string, frame: Frame): void {
    if (frame.type === FRAME.invoke) this.#onInvoke(gateway, frame);
    else if (PASSED_ON.has(frame.type)) this.#open.get(gateway)?.get(frame.call)?.fromCaller(frame);
  }

  #onInvoke(gateway: string, frame: Frame): void {
    const placement = readInvokePlacement(frame);
    if (!placement) return;
    if (this.#draining) this.#reject(gateway, frame.call, "draining");
    else if (this.#busy >= this.#deps.slots) this.#reject(gateway, frame.call, "busy");
    else this.#admit(gateway, frame, placement);
  }

  #admit(gateway: string, frame: Frame, placement: Placement): void {
    const record = this.#deps.records.get(placement.functionKey);
    const deadlineAt = performance.now() + placement.remainingMs;
    const request = { requestId: placement.requestId, frame, deadlineAt };
    const invocation = new Invocation(
      request,
      { call: frame.call, writer: () => this.#deps.batcher.to(gateway) },
      { onOver: (over, outcome) => this.#onOver(gateway, frame.call, over, outcome) },
    );
    this.#busy++;
    this.#callsOf(gateway).set(frame.call, invocation);
    this.#deps.onChange();
    if (record) this.#accept(gateway, invocation, record);
    else void this.#awaitRecord(gateway, placement.functionKey, invocation);
  }

  async #awaitRecord(gateway: string, key: string, invocation: Invocation): Promise<void> {
    const { request } = invocation;
    request.frame = { ...request.frame, payload: Buffer.from(request.frame.payload) };
    const record = await this.#deps.records.waitFor(key, PLACING_LIMITS.recordWaitMs);
    if (invocation.phase !== "waiting") return;
    if (record) this.#accept(gateway, invocation, record);
    else {
      this.#free(gateway, request.frame.call, invocation);
      this.#reject(gateway, request.frame.call, "unknownFunction");
    }
  }

  #accept(gateway: string, invocation: Invocation, record: FunctionVersionRecord): void {
    const pool = this.#deps.poolOf(record);
    invocation.record = record;
    writeAccepted(this.#deps.batcher.to(gateway), invocation.request.frame.call, !pool.hasRoom);
    pool.run(invocation);
  }

  #reject(gateway: string, call: number, rejection: "busy" | "draining" | "unknownFunction"): void {
    this.#rejected[rejection]++;
    writeRejected(this.#deps.batcher.to(gateway), call, rejection);
  }

  #onOver(gateway: string, call: number, invocation: Invocation, outcome: InvocationOutcome): void {
    this.#free(gateway, call, invocation);
    if (invocation.record) this.#deps.onOver(invocation.record, invocation, outcome);
  }

  #free(gateway: string, call: number, invocation: Invocation): void {
    this.#busy--;
    const calls = this.#open.get(gateway);
    // A gateway that was started again counts from the beginning, so the number may be another call's by now.
    if (calls?.get(call) === invocation) calls.delete(call);
    if (calls?.size === 0) this.#open.delete(gateway);
    this.#deps.onChange();
    if (this.#busy === 0) this.#emptied?.();
  }

  #callsOf(gateway: string): Map<number, Invocation> {
    const calls = this.#open.get(gateway) ?? new Map<number, Invocation>();
    this.#open.set(gateway, calls);
    return calls;
  }
}

const PASSED_ON = new Set<number>([FRAME.chunk, FRAME.cancel, FRAME.credit]);
