import { INSTANCE_LIMITS } from "../limits.ts";
import type { InstanceEnd } from "../sandbox/sandbox.ts";
import type { LoadFault, OutputLevel } from "../sandbox/sandbox-frames.ts";
import { type FailureReason, reasonOfEnd } from "./failures.ts";
import { Instance, type InstanceTerms } from "./instance.ts";
import type { Invocation } from "./invocation.ts";

export interface PoolDependencies {
  /** Starts a thread for `instance`; rejects when the code cannot be had. */
  start(instance: Instance): Promise<void>;
  /** The version has its first loaded instance, or lost its last. */
  onWarmth(warm: boolean): void;
  /** Printed or said outside any invocation. */
  onOutput(level: OutputLevel | "platform", bytes: Buffer): void;
  onStartFailed(error: unknown): void;
}

/** The instances of one function version. */
export class FunctionPool {
  readonly #terms: InstanceTerms;
  readonly #deps: PoolDependencies;
  readonly #instances = new Set<Instance>();
  readonly #waiting = new Set<Invocation>();
  /** Starts that failed since one succeeded. */
  #failures = 0;
  #lastFailure: FailureReason = "function_init_failed";
  #restAt = 0;
  #regrow: NodeJS.Immediate | undefined;
  #isWarm = false;
  #closed = false;

  constructor(terms: InstanceTerms, deps: PoolDependencies) {
    this.#terms = terms;
    this.#deps = deps;
  }

  get instances(): Iterable<Instance> {
    return this.#instances;
  }

  get size(): number {
    return this.#instances.size;
  }

  /** Whether an invocation would begin at once. */
  get hasRoom(): boolean {
    return this.#roomiest() !== undefined;
  }

  /** Begins the invocation now, or as soon as an instance has room. */
  run(invocation: Invocation): void {
    const instance = this.#roomiest();
    if (instance) instance.begin(invocation);
    else {
      invocation.cold = true;
      invocation.wait(() => this.#giveUp(invocation, "function_timeout"));
      this.#waiting.add(invocation);
      this.#grow();
    }
  }

  /** Takes nothing new; instances end with their calls. */
  close(): void {
    this.#closed = true;
    for (const instance of this.#instances) instance.retire();
  }

  #roomiest(): Instance | undefined {
    let best: Instance | undefined;
    for (const instance of this.#instances) {
      if (instance.room > 0 && instance.room > (best?.room ?? 0)) best = instance;
    }
    return best;
  }

  /** Starts instances until those that load have room for all who wait. */
  #grow(): void {
    this.#forgetGone();
    let coming = 0;
    for (const instance of this.#instances) if (instance.state === "loading") coming += this.#terms.concurrency;
    for (; coming < this.#waiting.size; coming += this.#terms.concurrency) {
      if (performance.now() < this.#restAt || this.#closed) {
        this.#refuseWaiting();
        return;
      }
      this.#start();
    }
  }

  #start(): void {
    const instance = new Instance(this.#terms, {
      onLoaded: () => this.#onLoaded(),
      onLoadFailed: (failed, fault) => this.#onLoadFailed(failed, fault),
      onRoom: () => this.#serveWaiting(),
      onOutput: (level, bytes) => this.#deps.onOutput(level, bytes),
      onEnded: (ended, end) => this.#onEnded(ended, end),
    });
    this.#instances.add(instance);
    this.#deps.start(instance).catch((error: unknown) => {
      this.#deps.onStartFailed(error);
      this.#instances.delete(instance);
      this.#startFailed("internal");
    });
  }

  #onLoaded(): void {
    this.#failures = 0;
    this.#serveWaiting();
    this.#tellWarmth();
    if (this.#closed) this.close();
  }

  #onLoadFailed(instance: Instance, fault: LoadFault): void {
    this.#instances.delete(instance);
    this.#deps.onOutput("error", Buffer.from(fault.stack || fault.message));
    this.#startFailed("function_init_failed");
  }

  #onEnded(instance: Instance, end: InstanceEnd): void {
    const wasLoading = this.#instances.delete(instance) && !instance.hasLoaded;
    this.#tellWarmth();
    if (wasLoading) this.#endedLoading(end);
    else this.#grow();
  }

  #endedLoading(end: InstanceEnd): void {
    // A neighbour may have ended the sandbox; a version that does so while it loads is found out by trying again. All starts that one
    // sandbox took with it count once.
    if (end.cause === "lost" && this.#failures < LOST_STARTS_MAX) {
      if (!this.#regrow) this.#failures++;
      this.#regrow ??= setImmediate(() => {
        this.#regrow = undefined;
        this.#grow();
      });
      return;
    }
    const reason = reasonOfEnd(end);
    this.#deps.onOutput("platform", Buffer.from(`the instance ended while it loaded: ${end.cause}: ${end.text}`));
    this.#startFailed(reason === "function_error" ? "function_init_failed" : reason);
  }

  // Whoever waits for a version that does not start is told so, not kept; and it is not started again at once.
  #startFailed(reason: FailureReason): void {
    this.#lastFailure = reason;
    this.#restAt = performance.now() + Math.min(INSTANCE_LIMITS.backoffMs * 2 ** this.#failures++, BACKOFF_MAX_MS);
    this.#refuseWaiting();
  }

  #refuseWaiting(): void {
    for (const invocation of [...this.#waiting]) this.#giveUp(invocation, this.#lastFailure);
  }

  #giveUp(invocation: Invocation, reason: FailureReason): void {
    this.#waiting.delete(invocation);
    invocation.fail(reason);
    invocation.end();
  }

  #serveWaiting(): void {
    this.#forgetGone();
    for (const invocation of this.#waiting) {
      const instance = this.#roomiest();
      if (!instance) return;
      this.#waiting.delete(invocation);
      instance.begin(invocation);
    }
  }

  /** Callers may leave while they wait. */
  #forgetGone(): void {
    for (const invocation of this.#waiting) if (invocation.phase !== "waiting") this.#waiting.delete(invocation);
  }

  #tellWarmth(): void {
    const isWarm = [...this.#instances].some(({ state }) => state === "ready");
    if (isWarm === this.#isWarm) return;
    this.#isWarm = isWarm;
    this.#deps.onWarmth(isWarm);
  }
}

const { backoffMaxMs: BACKOFF_MAX_MS, lostStartsMax: LOST_STARTS_MAX } = INSTANCE_LIMITS;
