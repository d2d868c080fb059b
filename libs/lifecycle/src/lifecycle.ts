import { once } from "node:events";

// The life of a process: starting → ready → draining → stopped | failed. What is opened is owned, and is closed in reverse; all
// stops run even when one fails, and also when the start did. A second signal exits at once.

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
  readonly #stopping = new AbortController();
  #failed = false;
  #state: LifecycleState = "starting";

  constructor(log: LifecycleLog, limits: DrainLimits) {
    this.#log = log;
    this.#limits = limits;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** Aborts as soon as a stop is asked; what a start waits for should heed it. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Takes over closing `resource`; returns it. */
  own<R extends Resource>(name: string, resource: R): R {
    this.#owned.push({ name, resource });
    return resource;
  }

  /** Asks for a stop as a signal would; used when a part of the process can no longer work. */
  fail(reason: string, error?: unknown): void {
    this.#log.error({ err: error }, reason);
    this.#failed = true;
    this.#stopping.abort();
  }

  /** Starts, is ready until SIGTERM, SIGINT or `fail`, then drains and closes everything. Answers the exit code. */
  async run(start: () => Promise<void>): Promise<number> {
    const onSignal = (signal: NodeJS.Signals) => {
      if (this.stopping.aborted) process.exit(130);
      this.#log.info({ signal }, "stop asked");
      this.#stopping.abort();
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
    try {
      const started = this.#start(start);
      if (!this.stopping.aborted) await once(this.stopping, "abort");
      // A start that is interrupted may still be opening something that wants to be closed.
      await this.#inTime("end the start", "process", () => started);
      return (await this.#stop()) && !this.#failed ? 0 : 1;
    } finally {
      process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
    }
  }

  async #start(start: () => Promise<void>): Promise<void> {
    try {
      await start();
      if (!this.stopping.aborted) this.#become("ready", ["starting"]);
    } catch (error) {
      if (!this.stopping.aborted) this.fail("the process could not start", error);
    }
  }

  /** Drains, then closes, newest first. Answers whether every step succeeded in time. */
  async #stop(): Promise<boolean> {
    const lagMs = this.#state === "ready" ? this.#limits.lagMs : 0;
    this.#become("draining", ["starting", "ready"]);
    if (lagMs > 0) await new Promise((resolve) => setTimeout(resolve, lagMs));
    const newestFirst = this.#owned.toReversed();
    let clean = true;
    for (const step of ["drain", "close"] as const) {
      for (const { name, resource } of newestFirst) {
        if (!(await this.#inTime(step, name, resource[step]?.bind(resource)))) clean = false;
      }
    }
    this.#become(clean ? "stopped" : "failed", ["draining"]);
    return clean;
  }

  /** Answers whether the work succeeded before the limit; logs why not. */
  async #inTime(step: string, name: string, work: (() => Promise<void> | void) | undefined): Promise<boolean> {
    const { timeoutMs } = this.#limits;
    const timer = Promise.withResolvers<never>();
    const timeout = setTimeout(() => timer.reject(new Error(`${step} took over ${timeoutMs} ms`)), timeoutMs);
    try {
      await Promise.race([work?.(), timer.promise]);
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
