import { type buildConnector, Pool } from "undici";
import { RetryBudget } from "../dispatching/retry-budget.ts";
import { BACKEND_LIMITS } from "../limits.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";

/** What a project has at http backends. */
interface Load {
  origins: number;
  calls: number;
  readonly connect: buildConnector.connector;
  /** Ends what connects for nobody any more. */
  readonly leaving: AbortController;
}

/** A server of a project's: its connections, and what is known of how it does. */
export class Origin {
  readonly project: string;
  readonly pool: Pool;
  readonly #load: Load;
  readonly circuit = new CircuitBreaker();
  readonly retries: RetryBudget;
  #calls = 0;
  usedAtMs: number;

  constructor(project: string, pool: Pool, load: Load, nowMs: number) {
    this.project = project;
    this.pool = pool;
    this.#load = load;
    this.retries = new RetryBudget(nowMs);
    this.usedAtMs = nowMs;
  }

  /** Requests that are at it, or wait for a connection; also those whose callers have left. */
  get calls(): number {
    return this.#calls;
  }

  /** Whether it, and its project, may have another request. */
  get hasRoom(): boolean {
    const { callsPerOriginMax, callsPerProjectMax } = BACKEND_LIMITS;
    return this.#calls < callsPerOriginMax && this.#load.calls < callsPerProjectMax;
  }

  enter(): void {
    this.#calls++;
    this.#load.calls++;
  }

  leave(nowMs: number): void {
    this.#calls--;
    this.#load.calls--;
    this.usedAtMs = nowMs;
  }
}

/** A way to connect for one project, until the signal aborts. */
export type Connector = (signal: AbortSignal) => buildConnector.connector;

/**
 * The http backends that requests went to lately. A project shares none with another: what it does to a backend is nobody else's
 * trouble. There are so many at most; the one that was not used for the longest time gives way, if nobody is at it.
 */
export class Origins {
  readonly #connector: Connector;
  readonly #nowMs: () => number;
  readonly #byKey = new Map<string, Origin>();
  readonly #loads = new Map<string, Load>();
  readonly #sweeping: NodeJS.Timeout;

  constructor(connector: Connector, nowMs: () => number) {
    this.#connector = connector;
    this.#nowMs = nowMs;
    this.#sweeping = setInterval(() => this.#sweep(), BACKEND_LIMITS.sweepIntervalMs).unref();
  }

  get count(): number {
    return this.#byKey.size;
  }

  get calls(): number {
    let calls = 0;
    for (const origin of this.#byKey.values()) calls += origin.calls;
    return calls;
  }

  get openCircuits(): number {
    const nowMs = this.#nowMs();
    let open = 0;
    for (const { circuit } of this.#byKey.values()) if (circuit.state(nowMs) !== "closed") open++;
    return open;
  }

  /** `url` is `http(s)://host[:port]`. Null when all that may be known are in use. */
  of(project: string, url: string): Origin | null {
    const key = `${project} ${url}`;
    const known = this.#byKey.get(key);
    if (known) {
      known.usedAtMs = this.#nowMs();
      return known;
    }
    const own = this.#loads.get(project)?.origins ?? 0;
    if (own >= BACKEND_LIMITS.originsPerProjectMax && !this.#makeRoom(project)) return null;
    if (this.#byKey.size >= BACKEND_LIMITS.originsMax && !this.#makeRoom(undefined)) return null;
    const load = this.#loads.get(project) ?? this.#newLoad();
    const origin = new Origin(project, this.#poolOf(url, load), load, this.#nowMs());
    load.origins++;
    this.#loads.set(project, load);
    this.#byKey.set(key, origin);
    return origin;
  }

  close(): void {
    clearInterval(this.#sweeping);
    for (const key of this.#byKey.keys()) this.#forget(key);
  }

  #newLoad(): Load {
    const leaving = new AbortController();
    return { origins: 0, calls: 0, connect: this.#connector(leaving.signal), leaving };
  }

  #poolOf(url: string, { connect }: Load): Pool {
    return new Pool(url, {
      connect,
      connections: BACKEND_LIMITS.connectionsPerOriginMax,
      clientTtl: BACKEND_LIMITS.connectionAgeMsMax,
      keepAliveTimeout: BACKEND_LIMITS.keepAliveMs,
      keepAliveTimeoutThreshold: BACKEND_LIMITS.keepAliveMarginMs,
      keepAliveMaxTimeout: BACKEND_LIMITS.keepAliveMsMax,
      maxHeaderSize: BACKEND_LIMITS.responseHeadBytesMax,
      allowH2: false,
      // Each request has a clock of its own.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Forgets the one that was not used for the longest time, of the project or of all; false when each is in use. */
  #makeRoom(project: string | undefined): boolean {
    let oldest: [string, Origin] | undefined;
    for (const entry of this.#byKey) {
      const origin = entry[1];
      if (origin.calls > 0 || (project !== undefined && origin.project !== project)) continue;
      if (oldest === undefined || origin.usedAtMs < oldest[1].usedAtMs) oldest = entry;
    }
    if (oldest === undefined) return false;
    this.#forget(oldest[0]);
    return true;
  }

  #sweep(): void {
    const beforeMs = this.#nowMs() - BACKEND_LIMITS.originIdleMs;
    for (const [key, { calls, usedAtMs }] of this.#byKey) if (calls === 0 && usedAtMs < beforeMs) this.#forget(key);
  }

  #forget(key: string): void {
    const { project, pool } = this.#byKey.get(key)!;
    this.#byKey.delete(key);
    const load = this.#loads.get(project)!;
    if (--load.origins === 0) {
      this.#loads.delete(project);
      load.leaving.abort();
    }
    pool.destroy().catch(() => undefined);
  }
}
