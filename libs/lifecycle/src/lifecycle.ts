// The life of a process: starting → ready → draining → stopped | failed. What is opened is owned, and is closed in reverse; all
// stops run even when one fails. A second signal exits at once.

export type LifecycleState = "starting" | "ready" | "draining" | "stopped" | "failed";

export interface LifecycleLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What can be owned: it stops by one of these. `drain` runs first, for all, newest first. */
export interface Resource {
  drain?(): Promise<void> | void;
  close?(): Promise<void> | void;
}

export interface DrainLimits {
  /** How long readiness is off before intake stops, so that balancers notice. */
  lagMs: number;
  /** After this the remaining work is abandoned. */
  timeoutMs: number;
}

export class Lifecycle {
  readonly #log: LifecycleLog;
  readonly #limits: DrainLimits;
  readonly #owned: { name: string; resource: Resource }[] = [];
  /** Settled once, by whatever asks first; its value is the exit code. */
  readonly #stopAsked = Promise.withResolvers<number>();
  #state: LifecycleState = "starting";

  constructor(log: LifecycleLog, limits: DrainLimits) {
    this.#log = log;
    this.#limits = limits;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** Takes over closing `resource`; returns it. */
  own<R extends Resource>(name: string, resource: R): R {
    this.#owned.push({ name, resource });
    return resource;
  }

  ready(): void {
    this.#become("ready", ["starting"]);
  }

  /** Asks for a stop as a signal would; used when a part of the process can no longer work. */
  fail(reason: string, error?: unknown): void {
    this.#log.error({ err: error }, reason);
    this.#stopAsked.resolve(1);
  }

  /** Waits for SIGTERM, SIGINT or `fail`, then drains and closes everything. Answers the exit code. */
  async untilSignal(): Promise<number> {
    const onSignal = (signal: NodeJS.Signals) => {
      if (this.#state === "draining") process.exit(130);
      this.#log.info({ signal }, "stop asked");
      this.#stopAsked.resolve(0);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
    const code = await this.#stopAsked.promise;
    return (await this.stop()) && code === 0 ? 0 : 1;
  }

  /** Drains, then closes, newest first. Answers whether every step succeeded in time. */
  async stop(): Promise<boolean> {
    this.#become("draining", ["starting", "ready"]);
    if (this.#limits.lagMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#limits.lagMs));
    const newestFirst = this.#owned.toReversed();
    let clean = true;
    for (const step of ["drain", "close"] as const) {
      for (const { name, resource } of newestFirst) {
        if (!(await this.#runStep(name, step, resource))) clean = false;
      }
    }
    this.#become(clean ? "stopped" : "failed", ["draining"]);
    return clean;
  }

  async #runStep(name: string, step: "drain" | "close", resource: Resource): Promise<boolean> {
    const timer = Promise.withResolvers<never>();
    const timeout = setTimeout(
      () => timer.reject(new Error(`${step} took over ${this.#limits.timeoutMs} ms`)),
      this.#limits.timeoutMs,
    );
    try {
      await Promise.race([resource[step]?.(), timer.promise]);
      return true;
    } catch (error) {
      this.#log.error({ err: error, resource: name }, `could not ${step}`);
      return false;
    } finally {
      clearTimeout(timeout);
    }
  }

  #become(next: LifecycleState, from: readonly LifecycleState[]): void {
    if (!from.includes(this.#state)) throw new Error(`lifecycle cannot go from ${this.#state} to ${next}`);
    this.#log.info({ from: this.#state, to: next }, "lifecycle");
    this.#state = next;
  }
}
