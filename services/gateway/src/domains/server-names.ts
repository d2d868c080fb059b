import type { SecureContext, SecureContextOptions } from "node:tls";
import type { Certificates } from "./certificates.ts";
import type { DefaultCertificate } from "./default-certificate.ts";
import { TLS_TERMS } from "./tls-terms.ts";

/**
 * Which certificate a caller is shown, by the name that it asks for (SNI): a custom host's own, else the platform's where that is for the name. For
 * other names there is none, and the handshake is refused: a certificate that does not fit would tell who else is served here. Callers that name
 * nobody see the platform's.
 */
export class ServerNames {
  readonly #certificates: Certificates;
  readonly #platform: DefaultCertificate | undefined;

  constructor(certificates: Certificates, platform: DefaultCertificate | undefined) {
    this.#certificates = certificates;
    this.#platform = platform;
  }

  /** Null when there is none. */
  contextOf(name: string): SecureContext | null {
    const host = name.toLowerCase();
    return this.#certificates.contextOf(host) ?? this.#platform?.contextOf(host) ?? null;
  }

  /** For callers that name nobody. */
  get unnamed(): SecureContextOptions {
    return { ...TLS_TERMS, ...this.#platform?.pair };
  }

  /** Begins to follow the platform's certificate. */
  watch(onChange: () => void): void {
    this.#platform?.watch(onChange);
  }

  /** Looks whether the platform's certificate is another one by now. */
  async refresh(): Promise<boolean> {
    return (await this.#platform?.refresh()) ?? false;
  }

  close(): void {
    this.#platform?.close();
  }
}
