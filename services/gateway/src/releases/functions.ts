import { type BucketHandler, KEYS, unpackRecord } from "@millrace/bus";
import { AliasRecord, FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import type { FunctionBackend } from "./deployment-plan.ts";

/** What placing an invocation needs to know of a function version. */
export interface PlacedVersion {
  /** `{function uid}@{version}` */
  key: string;
  functionUid: string;
  functionId: string;
  version: number;
  project: string;
  timeoutMs: number;
  /** Whether it reads bodies as they come; others get theirs whole, in an event. */
  streams: boolean;
}

const VERSION_PREFIX = "version.";
const ALIAS_PREFIX = "alias.";

/** The bucket `functions` as an index: versions, and aliases as live pointers to them. */
export class Functions implements BucketHandler {
  readonly #versions = new Map<string, PlacedVersion>();
  readonly #aliases = new Map<string, AliasRecord>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The version that serves one request: an alias with several chooses anew each time. Null when it is not known here. */
  resolve({ functionUid, target }: FunctionBackend): PlacedVersion | null {
    const version = "version" in target ? target.version : this.#choose(KEYS.alias(functionUid, target.alias));
    return this.#versions.get(KEYS.functionVersion(functionUid, version)) ?? null;
  }

  onPut(key: string, value: Uint8Array): void {
    if (key.startsWith(VERSION_PREFIX)) {
      const record = FunctionVersionRecord.decode(unpackRecord(value));
      const { functionUid, functionId, version, project, timeoutMs, shape } = record;
      this.#versions.set(key, {
        key: `${functionUid}@${version}`,
        functionUid,
        functionId,
        version,
        project,
        timeoutMs,
        streams: shape === "fetch",
      });
    } else if (key.startsWith(ALIAS_PREFIX)) {
      const alias = AliasRecord.decode(unpackRecord(value));
      if ((this.#aliases.get(key)?.generation ?? 0) <= alias.generation) this.#aliases.set(key, alias);
    }
  }

  onDelete(key: string): void {
    this.#versions.delete(key);
    this.#aliases.delete(key);
  }

  #choose(key: string): number {
    const targets = this.#aliases.get(key)?.targets ?? [];
    if (targets.length === 1) return targets[0]!.version;
    let total = 0;
    for (const { weight } of targets) total += weight;
    let point = this.#random() * total;
    for (const { version, weight } of targets) {
      point -= weight;
      if (point < 0) return version;
    }
    return 0;
  }
}
