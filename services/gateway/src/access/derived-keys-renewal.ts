import type { SigningScope } from "@millrace/proto/auth/v1/internal";
import { PROFILES } from "@millrace/signing";
import { ACCESS_LIMITS } from "../limits.ts";
import type { DerivedKeys } from "./derived-keys.ts";
import type { SigningGrant } from "./grants.ts";

// Keeps the signing keys of everybody who is authorised here, for yesterday, today and tomorrow, so that neither midnight nor an outage of
// auth is seen by a caller.

export interface RenewalOptions {
  keys: DerivedKeys;
  grants: () => Iterable<SigningGrant>;
  region: string;
  nowMs: () => number;
  random: () => number;
  log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

const DAY_MS = 86_400_000;
const ALGORITHMS = Object.keys(PROFILES);

export class DerivedKeysRenewal {
  readonly #options: RenewalOptions;
  #wake: (() => void) | null = null;
  #woken = false;
  #stopped = false;
  #failures = 0;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  /** Something is authorised that was not before. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  close(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  /** Fetches what is missing now. Throws when auth does not answer. */
  async renew(): Promise<void> {
    const { keys, nowMs } = this.#options;
    keys.forgetBefore(dayOf(nowMs() - DAY_MS));
    let batch: SigningScope[] = [];
    for (const scope of this.#missing()) {
      batch.push(scope);
      if (batch.length < ACCESS_LIMITS.derivedKeyBatchMax) continue;
      await keys.prefetch(batch);
      batch = [];
    }
    if (batch.length > 0) await keys.prefetch(batch);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#woken = false;
      await this.renew().then(
        () => this.#succeeded(),
        (err: unknown) => this.#failed(err),
      );
      if (!this.#woken || this.#failures > 0) await this.#sleep();
    }
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#options.log.info({}, "auth hands out signing keys again");
    this.#failures = 0;
  }

  #failed(err: unknown): void {
    if (this.#failures++ === 0) this.#options.log.warn({ err }, "auth hands out no signing keys; known ones go on");
  }

  #sleep(): Promise<void> {
    const { renewalIntervalMs, renewalJitterMs, retryMsMin, retryMsMax } = ACCESS_LIMITS;
    const failed = this.#failures > 0;
    const base = failed ? Math.min(retryMsMin * 2 ** (this.#failures - 1), retryMsMax) : renewalIntervalMs;
    const waitMs = base + this.#options.random() * (failed ? base : renewalJitterMs);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      timer.unref();
      // While auth is away a change cannot be served sooner.
      this.#wake = () => {
        if (failed && !this.#stopped) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  *#missing(): Iterable<SigningScope> {
    const { keys, grants, region, nowMs } = this.#options;
    const now = nowMs();
    const days = [now, now + DAY_MS, now - DAY_MS].map(dayOf);
    for (const { keyId, hostLabel } of [...grants()]) {
      for (const date of days) {
        for (const algorithm of ALGORITHMS) {
          const scope = { keyId, algorithm, date, region, service: hostLabel };
          if (keys.get(scope) === undefined) yield scope;
        }
      }
    }
  }
}

/** yyyymmdd, UTC. */
function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10).replaceAll("-", "");
}
