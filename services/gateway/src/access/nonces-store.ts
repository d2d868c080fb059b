import { hash } from "node:crypto";
import type { Redis } from "ioredis";
import { ACCESS_LIMITS } from "../limits.ts";

/** `fresh`: never seen within the window, and remembered now. */
export type NonceVerdict = "fresh" | "reused" | "unavailable";

interface Check {
  key: string;
  settle: (verdict: NonceVerdict) => void;
}

/** The one form of our keys in Redis; each has a lifetime. A digest, so that a key's length does not depend on callers. */
function redisKey(keyId: string, nonce: string): string {
  return `mr:nonce:${hash("sha256", `${keyId}\n${nonce}`, "base64url")}`;
}

/**
 * Remembers nonces over all gateways. All checks of one tick of the event loop travel together in one pipeline, and none waits longer
 * than `nonceCheckMs`.
 */
export class NoncesStore {
  readonly #redis: Redis;
  #waiting: Check[] = [];

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** To be asked once per request, after its signature is verified: strangers must not fill the store. */
  remember(keyId: string, nonce: string): Promise<NonceVerdict> {
    return new Promise((settle) => {
      this.#waiting.push({ key: redisKey(keyId, nonce), settle });
      if (this.#waiting.length === 1) setImmediate(() => this.#flush());
      else if (this.#waiting.length >= ACCESS_LIMITS.nonceBatchMax) this.#flush();
    });
  }

  #flush(): void {
    const checks = this.#waiting;
    this.#waiting = [];
    if (checks.length > 0) void this.#ask(checks);
  }

  async #ask(checks: readonly Check[]): Promise<void> {
    if (this.#redis.status !== "ready") return settleAll(checks, "unavailable");
    const pipeline = this.#redis.pipeline();
    for (const { key } of checks) pipeline.set(key, "1", "PX", ACCESS_LIMITS.nonceLifetimeMs, "NX");
    // A timer may be due only because this process stood still; then the answer is read first.
    const timer = setTimeout(() => setImmediate(settleAll, checks, "unavailable"), ACCESS_LIMITS.nonceCheckMs);
    const results = await pipeline.exec().catch(() => null);
    clearTimeout(timer);
    for (const [at, { settle }] of checks.entries()) settle(verdictOf(results?.[at]));
  }
}

function verdictOf(result: readonly [Error | null, unknown] | undefined): NonceVerdict {
  if (result === undefined || result[0] !== null) return "unavailable";
  return result[1] === "OK" ? "fresh" : "reused";
}

function settleAll(checks: readonly Check[], verdict: NonceVerdict): void {
  for (const { settle } of checks) settle(verdict);
}
