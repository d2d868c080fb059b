import { createSecretKey, type KeyObject } from "node:crypto";
import type { SigningScope } from "@millrace/proto/auth/v1/internal";
import { ACCESS_LIMITS } from "../limits.ts";
import type { KeyDeriver } from "./auth-client.ts";

export interface DerivedKeysOptions {
  deriver: Pick<KeyDeriver, "derive">;
  nowMs: () => number;
}

type Known = { key: KeyObject } | { unknownUntilMs: number };

/** One text per scope; no part holds a slash that another part could borrow, since dates and algorithms have fixed forms. */
function cacheKey({ keyId, algorithm, date, region, service }: SigningScope): string {
  return `${date}/${algorithm}/${region}/${service}/${keyId}`;
}

/**
 * The signing keys that this gateway has seen, by scope. What is missing is asked of auth, all scopes of one tick in one call. Keys that
 * are here go on while auth is down.
 */
export class DerivedKeys {
  readonly #deriver: Pick<KeyDeriver, "derive">;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, Known>();
  readonly #awaited = new Map<string, { scope: SigningScope; result: PromiseWithResolvers<KeyObject | null> }>();
  #unsent: SigningScope[] = [];

  constructor({ deriver, nowMs }: DerivedKeysOptions) {
    this.#deriver = deriver;
    this.#nowMs = nowMs;
  }

  get count(): number {
    return this.#known.size;
  }

  /** The key when it is here; null when auth has said that there is none; undefined when only auth can tell. */
  get(scope: SigningScope): KeyObject | null | undefined {
    const known = this.#known.get(cacheKey(scope));
    if (known === undefined) return undefined;
    if ("key" in known) return known.key;
    return known.unknownUntilMs > this.#nowMs() ? null : undefined;
  }

  /** Asks auth. Null when auth knows no such key; throws when auth does not answer or too many wait for it. */
  fetch(scope: SigningScope): Promise<KeyObject | null> {
    const name = cacheKey(scope);
    const awaited = this.#awaited.get(name);
    if (awaited) return awaited.result.promise;
    if (this.#awaited.size >= ACCESS_LIMITS.derivedKeysAwaitedMax) {
      return Promise.reject(new Error("too many signing keys are awaited"));
    }
    const result = Promise.withResolvers<KeyObject | null>();
    this.#awaited.set(name, { scope, result });
    this.#unsent.push(scope);
    if (this.#unsent.length === 1) setImmediate(() => this.#send());
    return result.promise;
  }

  /** Asks auth for scopes ahead of time, at most `derivedKeyBatchMax`. Throws when auth does not answer. */
  async prefetch(scopes: readonly SigningScope[]): Promise<void> {
    this.#learn(scopes, await this.#deriver.derive(scopes));
  }

  /** Forgets the keys of days before `date` (yyyymmdd). */
  forgetBefore(date: string): void {
    for (const name of this.#known.keys()) if (name < date) this.#known.delete(name);
  }

  #send(): void {
    const scopes = this.#unsent;
    this.#unsent = [];
    for (let at = 0; at < scopes.length; at += ACCESS_LIMITS.derivedKeyBatchMax) {
      void this.#ask(scopes.slice(at, at + ACCESS_LIMITS.derivedKeyBatchMax));
    }
  }

  async #ask(scopes: readonly SigningScope[]): Promise<void> {
    try {
      this.#learn(scopes, await this.#deriver.derive(scopes));
      for (const scope of scopes) this.#take(scope)?.resolve(this.get(scope) ?? null);
    } catch (error) {
      for (const scope of scopes) this.#take(scope)?.reject(error);
    }
  }

  #take(scope: SigningScope): PromiseWithResolvers<KeyObject | null> | undefined {
    const name = cacheKey(scope);
    const awaited = this.#awaited.get(name);
    this.#awaited.delete(name);
    return awaited?.result;
  }

  #learn(asked: readonly SigningScope[], keys: readonly { scope: SigningScope; key: Uint8Array }[]): void {
    const unknownUntilMs = this.#nowMs() + ACCESS_LIMITS.unknownKeyMs;
    const missing = new Set(asked.map(cacheKey));
    for (const { scope, key } of keys) {
      missing.delete(cacheKey(scope));
      this.#remember(cacheKey(scope), { key: createSecretKey(key) });
    }
    for (const name of missing) this.#remember(name, { unknownUntilMs });
  }

  /** The oldest go first. */
  #remember(name: string, known: Known): void {
    this.#known.delete(name);
    if (this.#known.size >= ACCESS_LIMITS.derivedKeysMax) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(name, known);
  }
}
