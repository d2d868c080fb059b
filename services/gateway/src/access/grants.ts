import { type BucketHandler, KEYS, unpackRecord } from "@millrace/bus";
import { AccessKeyRecord, AuthorizationRecord, SubscriptionKeyRecord } from "@millrace/proto/release/v1/release";

/** A key as callers use it. */
export interface KnownKey {
  keyId: string;
  /** Id of the key's project. */
  project: string;
  disabled: boolean;
}

/** A signing key that may be used at a deployment. */
export interface SigningGrant {
  keyId: string;
  hostLabel: string;
}

const ACCESS_PREFIX = "access.";
const SUBSCRIPTION_PREFIX = "subscription.";
const AUTHORIZATION_PREFIX = "authorization.";

/** The bucket `grants` as an index: who a credential is, and where it opens. */
export class Grants implements BucketHandler {
  readonly #accessKeys = new Map<string, KnownKey>();
  readonly #subscriptionKeys = new Map<string, KnownKey>();
  readonly #authorizations = new Map<string, SigningGrant>();
  /** Called when an authorisation or a signing key is new or has changed. */
  onChange: (() => void) | null = null;

  accessKey(keyId: string): KnownKey | undefined {
    return this.#accessKeys.get(KEYS.accessKey(keyId));
  }

  /** By the hex SHA-256 of the key. */
  subscriptionKey(hash: string): KnownKey | undefined {
    return this.#subscriptionKeys.get(KEYS.subscriptionKey(hash));
  }

  isAuthorized(hostLabel: string, keyId: string): boolean {
    return this.#authorizations.has(KEYS.authorization(hostLabel, keyId));
  }

  /** Every usable signing key with every deployment that it opens. */
  *signingGrants(): Iterable<SigningGrant> {
    for (const grant of this.#authorizations.values()) {
      if (this.accessKey(grant.keyId)?.disabled === false) yield grant;
    }
  }

  onPut(key: string, value: Uint8Array): void {
    const bytes = unpackRecord(value);
    if (key.startsWith(SUBSCRIPTION_PREFIX)) {
      this.#subscriptionKeys.set(key, SubscriptionKeyRecord.decode(bytes));
      return;
    }
    if (key.startsWith(ACCESS_PREFIX)) this.#accessKeys.set(key, AccessKeyRecord.decode(bytes));
    else if (key.startsWith(AUTHORIZATION_PREFIX)) this.#authorizations.set(key, AuthorizationRecord.decode(bytes));
    this.onChange?.();
  }

  onDelete(key: string): void {
    this.#accessKeys.delete(key);
    this.#subscriptionKeys.delete(key);
    this.#authorizations.delete(key);
  }
}
