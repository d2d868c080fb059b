import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { TLS_LIMITS } from "../limits.ts";
import { TLS_TERMS } from "./tls-terms.ts";

/** PEM: the chain, and its private key. */
export interface CertificateFiles {
  certificate: string;
  key: string;
}

interface Pair {
  cert: Buffer;
  key: Buffer;
}

interface DefaultCertificateLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/**
 * The certificate of the platform's own hosts, from files. They are read again every few seconds, so that renewing it takes no restart; what cannot be
 * used, such as a new certificate whose key is not there yet, leaves the one before in place.
 */
export class DefaultCertificate {
  readonly #files: CertificateFiles;
  readonly #log: DefaultCertificateLog;
  #pair: Pair;
  #leaf: X509Certificate;
  #context: SecureContext;
  /** Of what was read last, whether it could be used or not. */
  #digest: string;
  /** The files could not be read when they were last looked at. */
  #isAway = false;
  #timer: NodeJS.Timeout | undefined;
  #onChange = () => {};

  /** Throws when the files cannot be read or do not belong together. */
  constructor(files: CertificateFiles, log: DefaultCertificateLog) {
    this.#files = files;
    this.#log = log;
    const pair = { cert: readFileSync(files.certificate), key: readFileSync(files.key) };
    this.#pair = pair;
    this.#leaf = new X509Certificate(pair.cert);
    this.#context = contextOf(pair);
    this.#digest = digestOf(pair);
  }

  get pair(): Pair {
    return this.#pair;
  }

  /** Null when the certificate is not for such a host. */
  contextOf(host: string): SecureContext | null {
    return this.#leaf.checkHost(host) === undefined ? null : this.#context;
  }

  /** Looks at the files now and then, until `close`. */
  watch(onChange: () => void): void {
    this.#onChange = onChange;
    const look = async () => {
      await this.refresh();
      this.#timer?.refresh();
    };
    this.#timer = setTimeout(() => void look(), TLS_LIMITS.filesCheckIntervalMs).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Reads the files again. Answers whether there is another certificate now. */
  async refresh(): Promise<boolean> {
    const pair = await this.#read();
    if (pair === null || digestOf(pair) === this.#digest) return false;
    this.#digest = digestOf(pair);
    try {
      const leaf = new X509Certificate(pair.cert);
      this.#context = contextOf(pair);
      this.#leaf = leaf;
      this.#pair = pair;
    } catch (err) {
      this.#log.warn({ err }, "the platform's certificate cannot be used; the one before stays");
      return false;
    }
    this.#onChange();
    this.#log.info({ until: this.#leaf.validTo }, "the platform's certificate was renewed");
    return true;
  }

  /** Null when they cannot be read, which is said once. */
  async #read(): Promise<Pair | null> {
    try {
      const pair = { cert: await readFile(this.#files.certificate), key: await readFile(this.#files.key) };
      this.#isAway = false;
      return pair;
    } catch (err) {
      if (!this.#isAway)
        this.#log.warn({ err }, "the platform's certificate cannot be read again; the one before stays");
      this.#isAway = true;
      return null;
    }
  }
}

function contextOf(pair: Pair): SecureContext {
  return createSecureContext({ ...TLS_TERMS, ...pair });
}

function digestOf({ cert, key }: Pair): string {
  return createHash("sha256").update(cert).update("|").update(key).digest("hex");
}
