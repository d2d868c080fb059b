import { setTimeout as delay } from "node:timers/promises";
import {
  type Batcher,
  CANCELLATION,
  CallMap,
  FLAG,
  FRAME,
  type Frame,
  type Rejection,
  readBatchHeader,
  readFrames,
  readInvokePlacement,
  writeAccepted,
  writeFailed,
  writeGone,
  writeRejected,
} from "@millrace/frames";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { failureOf } from "../instances/failures.ts";
import type { FunctionPool } from "../instances/function-pool.ts";
import { Invocation, type InvocationOutcome } from "../instances/invocation.ts";
import { PLACING_LIMITS } from "../limits.ts";
import { Admission, type Held } from "./admission.ts";
import type { CallLimit } from "./call-limits.ts";

type Placement = NonNullable<ReturnType<typeof readInvokePlacement>>;

/** A call that the admission has let in. */
interface Admitted {
  gateway: string;
  /** The gateway's number of it. */
  call: number;
  invocation: Invocation;
  held: Held;
  /** Known once it is accepted. */
  record: FunctionVersionRecord | undefined;
  /** Whether its gateway was told that it is accepted. */
  isSaid: boolean;
}

export interface PlacingDependencies {
  slots: number;
  /** Of all functions of one project at a time; undefined: as many as find a slot. */
  projectCallsMax?: number | undefined;
  batcher: Batcher;
  /** Whether what is written reaches anybody. */
  isConnected(): boolean;
  /** Settles behind everything that is on its way here. */
  echo(): Promise<void>;
  records: {
    get(key: string): FunctionVersionRecord | undefined;
    waitFor(key: string, timeoutMs: number): Promise<FunctionVersionRecord | undefined>;
  };
  poolOf(record: FunctionVersionRecord): FunctionPool;
  /** The number of busy slots, or whether the runner drains, is another. */
  onChange(): void;
  onOver(record: FunctionVersionRecord, invocation: Invocation, outcome: InvocationOutcome): void;
  /** A call was refused at a limit of the function, or of its project. */
  onThrottled?(record: FunctionVersionRecord): void;
}

/** Takes invocations from gateways as the admission says, and passes on what gateways send for them. */
export class Placing {
  readonly #deps: PlacingDependencies;
  readonly #admission: Admission;
  /** By gateway, then by the gateway's number of the call. */
  readonly #open = new Map<string, CallMap<Admitted>>();
  readonly #rejected = { busy: 0, draining: 0, unknownFunction: 0, quarantined: 0, platform: 0, atLimit: 0 };
  #unsaidTimer: NodeJS.Timeout | undefined;
  #nowMs = 0;
  #hasAccepted = false;
  #emptied: (() => void) | undefined;

  constructor(deps: PlacingDependencies) {
    this.#deps = deps;
    this.#admission = new Admission(deps.slots, {
      askForEcho: () => void this.#awaitEcho(),
      changed: () => deps.onChange(),
    });
  }

  get slotsBusy(): number {
    return this.#admission.slotsBusy;
  }

  /** Calls that run, those included that nobody waits for. */
  get calls(): number {
    return this.#admission.calls;
  }

  /** Whether gateways should place anything here. */
  get isOpen(): boolean {
    return this.#admission.isOpen;
  }

  get rejections(): Readonly<Record<string, number>> {
    return this.#rejected;
  }

  /**
   * Takes a batch of frames from a gateway. What it accepts is on the bus's socket before any of it is in a sandbox: the bus writes when
   * this turn of the event loop is over, and a sandbox's channel in a later one. So a call that runs in a killed runner was accepted for
   * all to see, and nobody runs it again.
   */
  receive(message: Buffer): void {
    const header = readBatchHeader(message);
    if (!header) return;
    this.#nowMs = performance.now();
    readFrames(message, header.framesAt, (frame) => this.#onFrame(header.sender, frame));
    if (this.#hasAccepted) this.#deps.batcher.flush();
    this.#hasAccepted = false;
  }

  /** Begins to take calls as soon as everybody can know that this is a new process. */
  start(): void {
    this.#admission.start();
  }

  /** The process runs. To be called at least once a second. */
  tick(nowMs: number): void {
    this.#admission.tick(nowMs);
    for (const [gateway, calls] of this.#open) if (calls.size === 0) this.#open.delete(gateway);
  }

  /** Rejects what is new from now on, and waits until what runs is over. Answers whether all of it was in time. */
  async drained(timeoutMs: number): Promise<boolean> {
    this.#admission.drain();
    if (this.calls === 0) return true;
    const emptied = Promise.withResolvers<void>();
    this.#emptied = emptied.resolve;
    const timer = setTimeout(emptied.resolve, timeoutMs);
    await emptied.promise;
    clearTimeout(timer);
    return this.calls === 0;
  }

  /** The connection broke and is back: what was lost of bodies and answers would leave a hole in what follows. */
  onReconnected(): void {
    for (const calls of this.#open.values()) {
      for (const admitted of calls.values()) {
        if (!admitted.invocation.isInParts) continue;
        writeFailed(this.#deps.batcher.to(admitted.gateway), admitted.call, failureOf("instance_lost"));
        admitted.invocation.fromCaller(CALLER_GONE);
        this.#leaveAlone(admitted);
      }
    }
  }

  #onFrame(gateway: string, frame: Frame): void {
    if (frame.type === FRAME.invoke) this.#onInvoke(gateway, frame);
    else if (frame.type === FRAME.probe) this.#onProbe(gateway, frame.call);
    else if (PASSED_ON.has(frame.type)) {
      const admitted = this.#open.get(gateway)?.get(frame.call);
      admitted?.invocation.fromCaller(frame);
      if (admitted && frame.type === FRAME.cancel) this.#leaveAlone(admitted);
    }
  }

  #onProbe(gateway: string, call: number): void {
    const phase = this.#open.get(gateway)?.get(call)?.invocation.phase;
    if (phase === undefined || phase === "answered") writeGone(this.#deps.batcher.to(gateway), call);
  }

  /** Its caller has gone. What listens to its signal ends in a moment; what does not is not to keep others from the slot. */
  #leaveAlone({ invocation, held }: Admitted): void {
    if (invocation.phase !== "answered") return;
    setTimeout(() => {
      if (invocation.phase !== "over") held.abandon(performance.now());
    }, PLACING_LIMITS.abandonedGraceMs);
  }

  #onInvoke(gateway: string, frame: Frame): void {
    const placement = readInvokePlacement(frame);
    // Nobody would hear that it was accepted.
    if (!placement || !this.#deps.isConnected()) return;
    const record = this.#deps.records.get(placement.functionKey);
    const pool = record && this.#deps.poolOf(record);
    if (pool?.isQuarantined) {
      this.#reject(gateway, frame.call, "quarantined");
      return;
    }
    const claim = {
      gateway,
      number: frame.call,
      project: record?.project ?? "",
      depth: placement.depth,
      knocks: (frame.flags & FLAG.knocks) !== 0,
      limits: this.#limitsOf(record),
    };
    const verdict = this.#admission.ask(claim, this.#nowMs);
    if (typeof verdict === "object") {
      const admitted = this.#admit(gateway, frame, placement, verdict);
      if (record) this.#accept(admitted, record, pool!);
      else void this.#awaitRecord(admitted, placement.functionKey);
    } else if (verdict !== "repeated") {
      if (verdict === "atLimit" && record) this.#deps.onThrottled?.(record);
      this.#reject(gateway, frame.call, verdict);
    }
  }

  #admit(gateway: string, frame: Frame, { requestId, traceparent, remainingMs }: Placement, held: Held): Admitted {
    const { call } = frame;
    const invocation = new Invocation(
      { requestId, traceparent, frame, deadlineAt: this.#nowMs + remainingMs },
      { call, writer: () => this.#deps.batcher.to(gateway) },
      { onOver: (_, outcome) => this.#onOver(admitted, outcome) },
    );
    const admitted: Admitted = { gateway, call, invocation, held, record: undefined, isSaid: false };
    this.#callsOf(gateway).set(call, admitted);
    return admitted;
  }

  async #awaitRecord(admitted: Admitted, key: string): Promise<void> {
    const { invocation } = admitted;
    const { request } = invocation;
    request.frame = { ...request.frame, payload: Buffer.from(request.frame.payload) };
    const record = await this.#deps.records.waitFor(key, PLACING_LIMITS.recordWaitMs);
    if (invocation.phase !== "waiting") return;
    if (record && admitted.held.holdTo(this.#limitsOf(record))) {
      this.#accept(admitted, record, this.#deps.poolOf(record));
      this.#deps.batcher.flush();
    } else {
      if (record) this.#deps.onThrottled?.(record);
      this.#free(admitted);
      this.#reject(admitted.gateway, admitted.call, record ? "atLimit" : "unknownFunction");
    }
  }

  /** All versions of a function count together: what a limit protects does not tell them apart. */
  #limitsOf(record: FunctionVersionRecord | undefined): readonly CallLimit[] {
    if (!record) return NO_LIMITS;
    const { project, functionUid, maxConcurrencyPerRunner } = record;
    const { projectCallsMax } = this.#deps;
    const limits: CallLimit[] = [];
    if (projectCallsMax !== undefined) limits.push({ of: `project ${project}`, callsMax: projectCallsMax });
    if (maxConcurrencyPerRunner > 0) limits.push({ of: `function ${functionUid}`, callsMax: maxConcurrencyPerRunner });
    return limits;
  }

  async #awaitEcho(): Promise<void> {
    await Promise.all([this.#deps.echo(), delay(PLACING_LIMITS.settleMs)]);
    this.#admission.caughtUp();
  }

  #accept(admitted: Admitted, record: FunctionVersionRecord, pool: FunctionPool): void {
    const { invocation } = admitted;
    admitted.record = record;
    if ((invocation.request.frame.flags & FLAG.safe) !== 0) this.#acceptSilently();
    else {
      this.#say(admitted, !pool.isWarm);
      this.#hasAccepted = true;
    }
    pool.run(invocation);
  }

  /** Most calls are over in a moment, and their answer says that they were accepted; a message less for each. */
  #acceptSilently(): void {
    this.#unsaidTimer ??= setTimeout(() => this.#sayAccepted(), PLACING_LIMITS.acceptedSilenceMs);
  }

  #sayAccepted(): void {
    this.#unsaidTimer = undefined;
    for (const calls of this.#open.values()) {
      for (const admitted of calls.values()) {
        // Without its record it is not accepted yet.
        if (!admitted.isSaid && admitted.record) this.#say(admitted, admitted.invocation.phase === "waiting");
      }
    }
  }

  #say(admitted: Admitted, isCold: boolean): void {
    admitted.isSaid = true;
    writeAccepted(this.#deps.batcher.to(admitted.gateway), admitted.call, isCold);
  }

  #reject(gateway: string, call: number, rejection: Rejection): void {
    this.#rejected[rejection]++;
    writeRejected(this.#deps.batcher.to(gateway), call, rejection);
  }

  #onOver(admitted: Admitted, outcome: InvocationOutcome): void {
    this.#free(admitted);
    if (admitted.record) this.#deps.onOver(admitted.record, admitted.invocation, outcome);
  }

  #free(admitted: Admitted): void {
    const calls = this.#open.get(admitted.gateway);
    // A gateway that was started again counts from elsewhere, so the number may be another call's by now.
    if (calls?.get(admitted.call) === admitted) calls.delete(admitted.call);
    admitted.held.release(performance.now());
    if (this.calls === 0) this.#emptied?.();
  }

  #callsOf(gateway: string): CallMap<Admitted> {
    const calls = this.#open.get(gateway) ?? new CallMap<Admitted>();
    this.#open.set(gateway, calls);
    return calls;
  }
}

const NO_LIMITS: readonly CallLimit[] = [];

const CALLER_GONE: Frame = {
  type: FRAME.cancel,
  flags: 0,
  call: 0,
  payload: Buffer.from([CANCELLATION.callerGone]),
};
const PASSED_ON = new Set<number>([FRAME.chunk, FRAME.cancel, FRAME.credit]);
