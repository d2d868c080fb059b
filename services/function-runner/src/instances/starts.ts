import { INSTANCE_LIMITS } from "../limits.ts";
import type { InstanceEnd } from "../sandbox/sandbox.ts";
import type { LoadFault, OutputLevel } from "../sandbox/sandbox-frames.ts";
import { type FailureReason, reasonOfEnd } from "./failures.ts";
import type { Instance } from "./instance.ts";
import { Quarantine } from "./quarantine.ts";

const { backoffMs, backoffMaxMs, lostStartsMax } = INSTANCE_LIMITS;

export interface StartsDependencies {
  /** Starts a thread for `instance`; rejects when the code cannot be had. */
  start(instance: Instance): Promise<void>;
  /** Whether minimums have not used up what they may. */
  mayKeepMore(): boolean;
  /** Printed or said outside any invocation. */
  onOutput(level: OutputLevel | "platform", bytes: Buffer): void;
  onStartFailed(error: unknown): void;
}

/** Whose instances are started. */
export interface StartsListener {
  /** An instance to be started. */
  create(): Instance;
  /** Whoever waits is to be told; `all` of them, or unless there is an instance that is loaded. */
  onRefused(reason: FailureReason, all: boolean): void;
  /** Starts were lost without a fault of theirs: what was wanted is still wanted. */
  onLost(): void;
}

/**
 * Starts the instances of one function version, and knows what became of them: after a failure it rests, longer each time; a version that
 * keeps ending its sandbox is held back; and as many as the minimum asks for are kept.
 */
export class Starts {
  readonly #instances: Set<Instance>;
  readonly #deps: StartsDependencies;
  readonly #listener: StartsListener;
  readonly #quarantine = new Quarantine();
  /** Starts that failed since one succeeded. */
  #failures = 0;
  #lastFailure: FailureReason = "function_init_failed";
  #restAt = 0;
  #regrow: NodeJS.Immediate | undefined;
  #minimum = 0;
  /** By the instance that loads: the one whose place it takes. */
  readonly #successors = new Map<Instance, Instance>();
  #closed = false;

  /** `instances` holds what was started until it has ended. */
  constructor(instances: Set<Instance>, deps: StartsDependencies, listener: StartsListener) {
    this.#instances = instances;
    this.#deps = deps;
    this.#listener = listener;
  }

  /** Instances that take calls, or will when they are loaded. */
  get usable(): number {
    let usable = 0;
    for (const { state } of this.#instances) if (state === "ready" || state === "loading") usable++;
    return usable;
  }

  /** Instances that take calls now. */
  get ready(): number {
    let ready = 0;
    for (const { state } of this.#instances) if (state === "ready") ready++;
    return ready;
  }

  /** So many are kept, with calls or without. */
  get minimum(): number {
    return this.#minimum;
  }

  get kept(): number {
    return this.#minimum === 0 ? 0 : Math.min(this.#minimum, this.usable);
  }

  /** Whether the version is held back for a while, since sandboxes keep dying of it. */
  get isQuarantined(): boolean {
    return this.#quarantine.holds(performance.now());
  }

  /** Starts so many more, unless the version rests: then whoever waits hears why. */
  grow(starts: number): void {
    if (performance.now() < this.#restAt) this.#listener.onRefused(this.#lastFailure, false);
    else for (let i = 0; i < starts; i++) this.#start();
  }

  keep(minimum: number): void {
    this.#minimum = minimum;
    this.fill();
  }

  /** Starts what is missing of the minimum: one after the other, since starts compute, and calls want the cores too. */
  fill(): void {
    if (this.#mayStart && this.usable < this.#minimum && !this.#isLoading && this.#deps.mayKeepMore()) this.#start();
  }

  /** Whoever comes after a failure is to find an instance as those before it did. */
  replace(): void {
    if (this.#mayStart && this.usable === 0) this.#start();
    this.fill();
  }

  /**
   * Starts another instance for one that has served for long enough, which takes calls until the other is loaded. One at a time; answers
   * whether it did.
   */
  renew(): boolean {
    if (!this.#mayStart || this.#isLoading) return false;
    for (const instance of this.#instances) {
      if (instance.state !== "ready" || !instance.isWorn) continue;
      this.#successors.set(this.#start(), instance);
      return true;
    }
    return false;
  }

  close(): void {
    this.#closed = true;
  }

  loaded(instance: Instance): void {
    this.#failures = 0;
    this.#successors.get(instance)?.retire();
    this.#successors.delete(instance);
  }

  loadFailed(instance: Instance, { stack, message }: LoadFault): void {
    this.#forget(instance);
    this.#deps.onOutput("error", Buffer.from(stack || message));
    this.#failed("function_init_failed");
  }

  endedLoading(instance: Instance, end: InstanceEnd): void {
    this.#forget(instance);
    // A neighbour may have ended the sandbox; a version that does so while it loads is found out by trying again. All starts that one
    // sandbox took with it count once.
    if (end.cause === "lost" && this.#failures < lostStartsMax) {
      if (!this.#regrow) this.#failures++;
      this.#regrow ??= setImmediate(() => {
        this.#regrow = undefined;
        this.#listener.onLost();
      });
      return;
    }
    const reason = reasonOfEnd(end);
    this.#deps.onOutput("platform", Buffer.from(`the instance ended while it loaded: ${end.cause}: ${end.text}`));
    this.#failed(reason === "function_error" ? "function_init_failed" : reason);
  }

  /** The sandbox has died of this version. */
  sandboxDied({ cause, text }: InstanceEnd): void {
    const now = performance.now();
    if (!this.#quarantine.died(now)) return;
    const seconds = Math.ceil(this.#quarantine.remainingMs(now) / 1_000);
    const what = `function_quarantined: its sandbox keeps dying, this time ${cause}: ${text}; it is tried again in ${seconds} s`;
    this.#deps.onOutput("platform", Buffer.from(what));
    this.#listener.onRefused("instance_lost", true);
  }

  #start(): Instance {
    const instance = this.#listener.create();
    this.#instances.add(instance);
    this.#deps.start(instance).catch((error: unknown) => {
      this.#deps.onStartFailed(error);
      this.#forget(instance);
      this.#failed("internal");
    });
    return instance;
  }

  #forget(instance: Instance): void {
    this.#instances.delete(instance);
    this.#successors.delete(instance);
  }

  // Whoever waits for a version that does not start is told so, not kept, unless it has instances; and it is not started again at once.
  #failed(reason: FailureReason): void {
    this.#lastFailure = reason;
    this.#restAt = performance.now() + Math.min(backoffMs * 2 ** this.#failures++, backoffMaxMs);
    this.#listener.onRefused(reason, false);
  }

  get #mayStart(): boolean {
    return !this.#closed && !this.isQuarantined && performance.now() >= this.#restAt;
  }

  get #isLoading(): boolean {
    for (const { state } of this.#instances) if (state === "loading") return true;
    return false;
  }
}
