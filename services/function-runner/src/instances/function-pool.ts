import { INSTANCE_LIMITS } from "../limits.ts";
import type { InstanceEnd } from "../sandbox/sandbox.ts";
import type { Done, LoadFault, OutputLevel } from "../sandbox/sandbox-frames.ts";
import { type FailureReason, reasonOfEnd } from "./failures.ts";
import { Instance, type InstanceTerms } from "./instance.ts";
import type { Invocation } from "./invocation.ts";
import { type PoolLoad, PoolSizing, SIZING } from "./pool-sizing.ts";
import { Quarantine } from "./quarantine.ts";

export interface PoolTerms extends InstanceTerms {
  /** Threads that can compute at a time, and how many more could right now. */
  cores: { readonly count: number; readonly spare: number };
}

export interface PoolDependencies {
  /** Starts a thread for `instance`; rejects when the code cannot be had. */
  start(instance: Instance): Promise<void>;
  /** The version has its first loaded instance, or lost its last. */
  onWarmth(warm: boolean): void;
  /** Whether minimums have not used up what they may. */
  mayKeepMore(): boolean;
  /** Printed or said outside any invocation. */
  onOutput(level: OutputLevel | "platform", bytes: Buffer): void;
  onStartFailed(error: unknown): void;
}

/** The instances of one function version. */
export class FunctionPool {
  readonly #terms: PoolTerms;
  readonly #sizing: PoolSizing;
  readonly #deps: PoolDependencies;
  readonly #instances = new Set<Instance>();
  /** In the order in which they came. An array: in a Set that outlives its entries, each entry would grow old. */
  readonly #waiting: Invocation[] = [];
  /** Starts that failed since one succeeded. */
  #failures = 0;
  readonly #quarantine = new Quarantine();
  #lastFailure: FailureReason = "function_init_failed";
  #restAt = 0;
  #shortageSince = Infinity;
  #lookAgain: NodeJS.Timeout | undefined;
  #regrow: NodeJS.Immediate | undefined;
  #isWarm = false;
  #minimum = 0;
  #closed = false;

  constructor(terms: PoolTerms, deps: PoolDependencies) {
    this.#terms = terms;
    this.#sizing = new PoolSizing(terms.cores.count, terms.concurrency);
    this.#deps = deps;
  }

  get instances(): Iterable<Instance> {
    return this.#instances;
  }

  get size(): number {
    return this.#instances.size;
  }

  /** Instances that take calls, or will when they are loaded. */
  get usable(): number {
    let usable = 0;
    for (const { state } of this.#instances) if (state === "ready" || state === "loading") usable++;
    return usable;
  }

  /** So many are kept, with calls or without. */
  get minimum(): number {
    return this.#minimum;
  }

  get kept(): number {
    return this.#minimum === 0 ? 0 : Math.min(this.#minimum, this.usable);
  }

  /** Whether an instance is loaded: an invocation has no start to wait for. */
  get isWarm(): boolean {
    return this.#isWarm;
  }

  /** Whether the version is held back for a while, since sandboxes keep dying of it. */
  get isQuarantined(): boolean {
    return this.#quarantine.holds(performance.now());
  }

  /** How many calls an instance at work is given ahead, as things are. */
  get stagedMax(): number {
    return this.#sizing.stagedMax;
  }

  /** Begins the invocation now, or as soon as an instance has room. */
  run(invocation: Invocation): void {
    const instance = this.#waiting.length === 0 ? this.#choose() : undefined;
    if (instance) this.#begin(instance, invocation);
    else {
      invocation.wait(() => this.#giveUp(invocation, "function_timeout"));
      this.#waiting.push(invocation);
      this.#serveWaiting();
    }
  }

  /** Keeps so many instances loaded from now on. Those that were kept before and are not now end when they have been idle for long. */
  keep(minimum: number): void {
    this.#minimum = minimum;
    this.fill();
  }

  /** Starts what is missing of the minimum: one after the other, since starts compute, and calls want the cores too. */
  fill(): void {
    if (this.#mayStart && this.usable < this.#minimum && !this.#isLoading && this.#deps.mayKeepMore()) this.#start();
  }

  /** Gets nothing new; instances end with the calls that it has. */
  close(): void {
    this.#closed = true;
    if (this.#waiting.length === 0) for (const instance of this.#instances) instance.retire();
  }

  /** The instance that gets the next call; none when the call is better held for one that is at work. */
  #choose(): Instance | undefined {
    const overdueSince = performance.now() - this.#sizing.overdueMs;
    const { isComputing } = this.#sizing;
    let active = 0;
    let idle: Instance | undefined;
    let working: Instance | undefined;
    for (const instance of this.#instances) {
      const { calls, room } = instance;
      if (calls > 0 && instance.heardAt > overdueSince) active++;
      if (room === 0) continue;
      // The one used last is the warmest; the others become old, and are ended.
      if (calls === 0) idle = idle && idle.heardAt > instance.heardAt ? idle : instance;
      // Calls that wait are stacked; those that compute are spread.
      else if (!working || isComputing === room > working.room) working = instance;
    }
    const another = idle && this.#sizing.mayUseAnother(active, this.#terms.cores.spare) ? idle : undefined;
    return isComputing ? (another ?? working) : (working ?? another);
  }

  #begin(instance: Instance, invocation: Invocation): void {
    if (instance.calls === 0) this.#shortageSince = Infinity;
    else if (this.#sizing.isComputing) this.#noteShortage();
    instance.begin(invocation);
  }

  /** Calls find no idle instance: when that lasts, there may be more of them. */
  #noteShortage(): void {
    const now = performance.now();
    if (this.#shortageSince > now) this.#shortageSince = now;
    const { cores } = this.#terms;
    if (this.#waiting.length === 0 && now - this.#shortageSince < SIZING.startMs) return;
    const load = this.#load(now);
    this.#sizing.adjust(now, load, cores.spare);
    let starts = this.#sizing.starts(load, cores.spare);
    if (starts > 0 && this.#forgetGone()) starts = this.#sizing.starts(this.#load(now), cores.spare);
    if (starts > 0) this.#grow(starts, now);
  }

  #grow(starts: number, now: number): void {
    if (now < this.#restAt) this.#refuseWaiting();
    else for (let i = 0; i < starts; i++) this.#start();
    this.#shortageSince = now;
  }

  #load(now: number): PoolLoad {
    const overdueSince = now - this.#sizing.overdueMs;
    const load = {
      waiting: this.#waiting.length + this.#staged(),
      active: 0,
      ready: 0,
      idle: 0,
      loading: 0,
      loadingFresh: 0,
    };
    for (const { state, calls, heardAt, startedAt } of this.#instances) {
      if (calls > 0 && heardAt > overdueSince) load.active++;
      if (state === "ready") load.ready++;
      if (state === "ready" && calls === 0) load.idle++;
      if (state !== "loading") continue;
      load.loading++;
      if (now - startedAt < SIZING.startFreshMs) load.loadingFresh++;
    }
    return { ...load, shortageMs: now - this.#shortageSince };
  }

  #start(): void {
    const instance = new Instance(this.#terms, {
      onLoaded: () => this.#onLoaded(),
      onLoadFailed: (failed, fault) => this.#onLoadFailed(failed, fault),
      onDone: (serviceMs, done) => this.#learn(serviceMs, done),
      onRetired: () => this.#onRetired(),
      onReturned: (invocation) => this.#onReturned(invocation),
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

  #learn(serviceMs: number, { openUs, workUs, coreUs }: Done): void {
    // One call at a time is timed where it runs: on a busy machine the way there and back takes longer than a short call.
    const callMs = this.#terms.concurrency === 1 ? openUs / 1_000 : serviceMs;
    this.#sizing.learn(callMs, openUs, workUs, coreUs);
  }

  #onLoaded(): void {
    this.#failures = 0;
    this.#serveWaiting();
    this.#tellWarmth();
    this.fill();
  }

  #onLoadFailed(instance: Instance, fault: LoadFault): void {
    this.#instances.delete(instance);
    this.#deps.onOutput("error", Buffer.from(fault.stack || fault.message));
    this.#startFailed("function_init_failed");
  }

  #onEnded(instance: Instance, end: InstanceEnd): void {
    const wasLoading = this.#instances.delete(instance) && !instance.hasLoaded;
    this.#tellWarmth();
    const isGuilty = end.guilty ?? (end.cause === "lost" && (instance.wasWorking || wasLoading));
    if (isGuilty) this.#sandboxDied(end);
    if (wasLoading) this.#endedLoading(end);
    else {
      this.#serveWaiting();
      if (end.cause !== "stopped") this.#replace();
    }
  }

  #sandboxDied({ cause, text }: InstanceEnd): void {
    const now = performance.now();
    if (!this.#quarantine.died(now)) return;
    const seconds = Math.ceil(this.#quarantine.remainingMs(now) / 1_000);
    const what = `function_quarantined: its sandbox keeps dying, this time ${cause}: ${text}; it is tried again in ${seconds} s`;
    this.#deps.onOutput("platform", Buffer.from(what));
    for (const invocation of [...this.#waiting]) this.#giveUp(invocation, "instance_lost");
  }

  #onRetired(): void {
    this.#tellWarmth();
    this.#replace();
  }

  /** Whoever comes after a failure is to find an instance as those before it did. */
  #replace(): void {
    if (this.#mayStart && this.usable === 0) this.#start();
    this.fill();
  }

  get #mayStart(): boolean {
    return !this.#closed && !this.isQuarantined && performance.now() >= this.#restAt;
  }

  get #isLoading(): boolean {
    for (const { state } of this.#instances) if (state === "loading") return true;
    return false;
  }

  #endedLoading(end: InstanceEnd): void {
    // A neighbour may have ended the sandbox; a version that does so while it loads is found out by trying again. All starts that one
    // sandbox took with it count once.
    if (end.cause === "lost" && this.#failures < LOST_STARTS_MAX) {
      if (!this.#regrow) this.#failures++;
      this.#regrow ??= setImmediate(() => {
        this.#regrow = undefined;
        this.#serveWaiting();
      });
      return;
    }
    const reason = reasonOfEnd(end);
    this.#deps.onOutput("platform", Buffer.from(`the instance ended while it loaded: ${end.cause}: ${end.text}`));
    this.#startFailed(reason === "function_error" ? "function_init_failed" : reason);
  }

  // Whoever waits for a version that does not start is told so, not kept, unless it has instances; and it is not started again at once.
  #startFailed(reason: FailureReason): void {
    this.#lastFailure = reason;
    this.#restAt = performance.now() + Math.min(INSTANCE_LIMITS.backoffMs * 2 ** this.#failures++, BACKOFF_MAX_MS);
    this.#refuseWaiting();
  }

  #refuseWaiting(): void {
    if (this.#isWarm) return;
    for (const invocation of [...this.#waiting]) this.#giveUp(invocation, this.#lastFailure);
  }

  #giveUp(invocation: Invocation, reason: FailureReason): void {
    this.#forget(invocation);
    invocation.giveUp(reason);
  }

  #serveWaiting(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (first.phase === "waiting" && !this.#place(first)) break;
      this.#waiting.shift();
    }
    const staged = this.#staged();
    if (this.#waiting.length + staged > 0) {
      this.#noteShortage();
      this.#lookAgain ??= setTimeout(() => this.#lookAgainNow(), SIZING.holdMs);
    } else if (this.#closed) this.close();
  }

  /** Begins the invocation, or gives it ahead to an instance at work. Answers whether it could. */
  #place(invocation: Invocation): boolean {
    const instance = this.#choose();
    if (instance) instance.begin(invocation);
    else if (invocation.isWhole) return this.#stage(invocation);
    return instance !== undefined;
  }

  #stage(invocation: Invocation): boolean {
    let fewest = this.#sizing.stagedMax;
    if (fewest === 0) return false;
    const overdueSince = performance.now() - this.#sizing.overdueMs;
    let chosen: Instance | undefined;
    for (const instance of this.#instances) {
      const { state, calls, staged } = instance;
      if (state !== "ready" || calls === 0 || staged >= fewest || instance.heardAt < overdueSince) continue;
      fewest = staged;
      chosen = instance;
    }
    chosen?.stage(invocation);
    return chosen !== undefined;
  }

  #staged(): number {
    let staged = 0;
    for (const instance of this.#instances) staged += instance.staged;
    return staged;
  }

  #lookAgainNow(): void {
    this.#lookAgain = undefined;
    const overdueSince = performance.now() - this.#sizing.overdueMs;
    for (const instance of this.#instances) if (instance.heardAt < overdueSince) instance.recall();
    this.#serveWaiting();
  }

  /** It waits where it did: before those that came later. */
  #onReturned(invocation: Invocation): void {
    const later = this.#waiting.findIndex(({ acceptedAt }) => acceptedAt > invocation.acceptedAt);
    this.#waiting.splice(later === -1 ? this.#waiting.length : later, 0, invocation);
    this.#serveWaiting();
  }

  /** Callers may leave while they wait. Answers whether any did. */
  #forgetGone(): boolean {
    const gone = this.#waiting.filter(({ phase }) => phase !== "waiting");
    for (const invocation of gone) this.#forget(invocation);
    return gone.length > 0;
  }

  #forget(invocation: Invocation): void {
    const at = this.#waiting.indexOf(invocation);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  #tellWarmth(): void {
    const isWarm = [...this.#instances].some(({ state }) => state === "ready");
    if (isWarm === this.#isWarm) return;
    this.#isWarm = isWarm;
    this.#deps.onWarmth(isWarm);
  }
}

const { backoffMaxMs: BACKOFF_MAX_MS, lostStartsMax: LOST_STARTS_MAX } = INSTANCE_LIMITS;
