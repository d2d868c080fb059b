import type { InstanceEnd } from "../sandbox/sandbox.ts";
import type { Done } from "../sandbox/sandbox-frames.ts";
import type { FailureReason } from "./failures.ts";
import { Instance, type InstanceTerms } from "./instance.ts";
import type { Invocation } from "./invocation.ts";
import { type PoolLoad, PoolSizing, SIZING } from "./pool-sizing.ts";
import { Starts, type StartsDependencies } from "./starts.ts";

export interface PoolTerms extends InstanceTerms {
  /** Threads that can compute at a time, and how many more could right now. */
  cores: { readonly count: number; readonly spare: number };
}

export interface PoolDependencies extends StartsDependencies {
  /** The version has its first loaded instance, or lost its last. */
  onWarmth(warm: boolean): void;
}

/** The instances of one function version. */
export class FunctionPool {
  readonly #terms: PoolTerms;
  readonly #sizing: PoolSizing;
  readonly #deps: PoolDependencies;
  readonly #instances = new Set<Instance>();
  readonly #starts: Starts;
  /** In the order in which they came. An array: in a Set that outlives its entries, each entry would grow old. */
  readonly #waiting: Invocation[] = [];
  #shortageSince = Infinity;
  #lookAgain: NodeJS.Timeout | undefined;
  #isWarm = false;
  #closed = false;

  constructor(terms: PoolTerms, deps: PoolDependencies) {
    this.#terms = terms;
    this.#sizing = new PoolSizing(terms.cores.count, terms.concurrency);
    this.#deps = deps;
    this.#starts = new Starts(this.#instances, deps, {
      create: () => this.#create(),
      onRefused: (reason, all) => this.#refuseWaiting(reason, all),
      onLost: () => this.#serveWaiting(),
    });
  }

  get instances(): Iterable<Instance> {
    return this.#instances;
  }

  get size(): number {
    return this.#instances.size;
  }

  /** Starts them, and keeps the minimum. */
  get starts(): Pick<Starts, "usable" | "ready" | "minimum" | "kept" | "keep" | "fill" | "renew"> {
    return this.#starts;
  }

  /** Whether the version is held back for a while, since sandboxes keep dying of it. */
  get isQuarantined(): boolean {
    return this.#starts.isQuarantined;
  }

  /** Whether an instance is loaded: an invocation has no start to wait for. */
  get isWarm(): boolean {
    return this.#isWarm;
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

  /** Gets nothing new; instances end with the calls that it has. */
  close(): void {
    this.#closed = true;
    this.#starts.close();
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
    if (starts === 0) return;
    this.#starts.grow(starts);
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

  #create(): Instance {
    return new Instance(this.#terms, {
      onLoaded: (loaded) => this.#onLoaded(loaded),
      onLoadFailed: (failed, fault) => this.#starts.loadFailed(failed, fault),
      onDone: (serviceMs, done) => this.#learn(serviceMs, done),
      onRetired: () => this.#onRetired(),
      onReturned: (invocation) => this.#onReturned(invocation),
      onRoom: () => this.#serveWaiting(),
      onOutput: (level, bytes) => this.#deps.onOutput(level, bytes),
      onEnded: (ended, end) => this.#onEnded(ended, end),
    });
  }

  #learn(serviceMs: number, { openUs, workUs, coreUs }: Done): void {
    // One call at a time is timed where it runs: on a busy machine the way there and back takes longer than a short call.
    const callMs = this.#terms.concurrency === 1 ? openUs / 1_000 : serviceMs;
    this.#sizing.learn(callMs, openUs, workUs, coreUs);
  }

  #onLoaded(instance: Instance): void {
    this.#starts.loaded(instance);
    this.#serveWaiting();
    this.#tellWarmth();
    this.#starts.fill();
  }

  #onEnded(instance: Instance, end: InstanceEnd): void {
    const wasLoading = this.#instances.delete(instance) && !instance.hasLoaded;
    this.#tellWarmth();
    const isGuilty = end.guilty ?? (end.cause === "lost" && (instance.wasWorking || wasLoading));
    if (isGuilty) this.#starts.sandboxDied(end);
    if (wasLoading) this.#starts.endedLoading(instance, end);
    else {
      this.#serveWaiting();
      if (end.cause !== "stopped") this.#starts.replace();
    }
  }

  #onRetired(): void {
    this.#tellWarmth();
    this.#starts.replace();
  }

  #refuseWaiting(reason: FailureReason, all: boolean): void {
    if (this.#isWarm && !all) return;
    for (const invocation of [...this.#waiting]) this.#giveUp(invocation, reason);
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
