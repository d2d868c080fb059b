import type { KeyObject } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { openWithKey } from "@millrace/sealing";
import { TLS_LIMITS } from "../limits.ts";
import type { Domain, Domains } from "./domains.ts";
import { TLS_TERMS } from "./tls-terms.ts";

interface Opened {
  certificate: Domain["certificate"];
  /** Null when it cannot be used. */
  context: SecureContext | null;
}

/**
 * What TLS needs for each custom host, made when the first caller asks for it: private keys are opened then, and those of hosts that nobody has asked
 * for in a while are forgotten.
 */
export class Certificates {
  readonly #domains: Domains;
  readonly #privateKey: KeyObject;
  readonly #log: { error(fields: object, message: string): void };
  readonly #contextsMax: number;
  /** The one that was used longest ago is first. */
  readonly #opened = new Map<string, Opened>();

  constructor(
    domains: Domains,
    privateKey: KeyObject,
    log: { error(fields: object, message: string): void },
    contextsMax: number = TLS_LIMITS.contextsMax,
  ) {
    this.#domains = domains;
    this.#privateKey = privateKey;
    this.#log = log;
    this.#contextsMax = contextsMax;
  }

  get count(): number {
    return this.#opened.size;
  }

  /** Null for hosts that have no certificate that can be used. */
  contextOf(host: string): SecureContext | null {
    const certificate = this.#domains.get(host)?.certificate ?? null;
    const known = this.#opened.get(host);
    this.#opened.delete(host);
    if (certificate === null) return null;
    const opened = known?.certificate === certificate ? known : { certificate, context: this.#open(host, certificate) };
    this.#opened.set(host, opened);
    if (this.#opened.size > this.#contextsMax) this.#opened.delete(this.#opened.keys().next().value!);
    return opened.context;
  }

  #open(host: string, { chainPem, fingerprint, sealedKey }: NonNullable<Domain["certificate"]>): SecureContext | null {
    try {
      const key = openWithKey(this.#privateKey, sealedKey, `domain-key|${host}|${fingerprint}`);
      return createSecureContext({ ...TLS_TERMS, cert: chainPem, key });
    } catch (err) {
      this.#log.error({ err, host, fingerprint }, "a certificate cannot be used; its host is not served over TLS");
      return null;
    }
  }
}
