import { type BucketHandler, KEYS, unpackRecord } from "@millrace/bus";
import { type CertificateRecord, DomainRecord } from "@millrace/proto/release/v1/domain";
import { keptCopy } from "../releases/kept-copy.ts";

/** A custom host that its project has proved. Replaced as a whole. */
export interface Domain {
  host: string;
  /** First label of the deployment's host; empty while it is bound to none. */
  hostLabel: string;
  /** The same object as long as it is the same certificate. */
  certificate: Readonly<CertificateRecord> | null;
}

const PREFIX = KEYS.domain("");

/** Custom hosts, from the keys of the bucket `releases` that are theirs. Hosts are in lower case. */
export class Domains implements BucketHandler {
  readonly #byHost = new Map<string, Domain>();

  get(host: string): Domain | undefined {
    // Hosts of requests are new texts, and to look one up is to hash it first.
    return this.#byHost.size === 0 ? undefined : this.#byHost.get(host);
  }

  get count(): number {
    return this.#byHost.size;
  }

  isKey(key: string): boolean {
    return key.startsWith(PREFIX);
  }

  onPut(key: string, value: Uint8Array): void {
    const { host, hostLabel, certificate } = DomainRecord.decode(unpackRecord(value));
    if (key !== KEYS.domain(host)) throw new Error("the record is of another host than its key");
    const known = this.#byHost.get(host)?.certificate ?? null;
    this.#byHost.set(host, { host, hostLabel, certificate: newest(known, certificate) });
  }

  onDelete(key: string): void {
    this.#byHost.delete(key.slice(PREFIX.length));
  }
}

function newest(known: Domain["certificate"], told: CertificateRecord | undefined): Domain["certificate"] {
  if (told === undefined) return null;
  if (known?.fingerprint === told.fingerprint && known.chainPem === told.chainPem) return known;
  return { ...told, sealedKey: keptCopy(told.sealedKey) };
}
