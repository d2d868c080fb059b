import { type BucketHandler, digestOf, KEYS, unpackRecord } from "@millrace/bus";
import {
  DeploymentRecord,
  DeploymentRecord_Access,
  DeploymentRecord_State,
  DeploymentSnapshot,
} from "@millrace/proto/release/v1/release";
import type { Grants } from "../access/grants.ts";
import { compilePlan, type DeploymentPlan } from "./deployment-plan.ts";
import { keptCopy } from "./kept-copy.ts";

/** What the gateway serves for one host label. Replaced as a whole; a request keeps the one it began with. */
export interface Deployment {
  hostLabel: string;
  /** `projects/{project}/groups/{group}/deployments/{environment}` */
  name: string;
  project: string;
  environment: string;
  generation: number;
  release: number;
  offline: boolean;
  /** Whether callers need a key. */
  authorized: boolean;
  /** Null until the first whole snapshot has come. */
  plan: DeploymentPlan | null;
}

export interface DeploymentsLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const DEPLOYMENT_PREFIX = KEYS.deployment("");
const SNAPSHOT_PART = /^snapshot\.([0-9a-f]{64})\.(\d+)$/;

/**
 * The bucket `releases` as deployments: keeps the packed parts, puts a snapshot together when its record points at it, checks the
 * digest, compiles and swaps. A snapshot that is incomplete, altered or senseless leaves the old plan in place. What the record itself
 * says (offline, access) takes effect at once.
 */
export class Deployments implements BucketHandler {
  readonly #region: string;
  readonly #log: DeploymentsLog;
  readonly #byLabel = new Map<string, Deployment>();
  readonly #records = new Map<string, DeploymentRecord>();
  /** Records whose snapshot is not served: a part may be what is missing. */
  readonly #unserved = new Map<string, DeploymentRecord>();
  readonly #parts = new Map<string, Map<number, Buffer>>();
  /** When each began to be served as its record has it. */
  readonly #servedAtMs = new Map<string, number>();
  readonly #nowMs: () => number;

  constructor(region: string, log: DeploymentsLog, nowMs: () => number = () => performance.now()) {
    this.#region = region;
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** The record that is served in full, and for how long; undefined while its snapshot is missing. */
  served(hostLabel: string): { generation: number; release: number; servedForMs: number } | undefined {
    const deployment = this.#byLabel.get(hostLabel);
    const servedAtMs = this.#servedAtMs.get(hostLabel);
    if (!deployment || servedAtMs === undefined || this.#unserved.has(hostLabel)) return undefined;
    const { generation, release } = deployment;
    return { generation, release, servedForMs: this.#nowMs() - servedAtMs };
  }

  get(hostLabel: string): Deployment | undefined {
    return this.#byLabel.get(hostLabel);
  }

  /** The access keys that may sign for http backends, with the deployments that they sign for. */
  *signingGrants(grants: Pick<Grants, "accessKey">): Iterable<{ keyId: string; hostLabel: string }> {
    for (const { hostLabel, project, plan } of this.#byLabel.values()) {
      for (const keyId of plan?.signingKeys ?? []) {
        const key = grants.accessKey(keyId);
        if (key?.project === project && !key.disabled) yield { keyId, hostLabel };
      }
    }
  }

  get count(): number {
    return this.#byLabel.size;
  }

  onPut(key: string, value: Uint8Array): void {
    const part = SNAPSHOT_PART.exec(key);
    if (part) this.#putPart(part[1]!, Number(part[2]), value);
    else if (key.startsWith(DEPLOYMENT_PREFIX)) this.#putRecord(DeploymentRecord.decode(unpackRecord(value)));
  }

  onDelete(key: string): void {
    const part = SNAPSHOT_PART.exec(key);
    if (part) this.#parts.delete(part[1]!);
    else if (key.startsWith(DEPLOYMENT_PREFIX)) {
      const hostLabel = key.slice(DEPLOYMENT_PREFIX.length);
      this.#records.delete(hostLabel);
      this.#unserved.delete(hostLabel);
      this.#servedAtMs.delete(hostLabel);
      this.#byLabel.delete(hostLabel);
    }
  }

  #putPart(digest: string, index: number, value: Uint8Array): void {
    const parts = this.#parts.get(digest) ?? new Map<number, Buffer>();
    parts.set(index, keptCopy(value));
    this.#parts.set(digest, parts);
    for (const record of this.#unserved.values()) {
      if (record.snapshotDigest === digest) this.#swap(record);
    }
  }

  #putRecord(record: DeploymentRecord): void {
    const known = this.#records.get(record.hostLabel);
    if (known && known.generation > record.generation) {
      const facts = { deployment: record.deployment, generation: record.generation, known: known.generation };
      this.#log.error(facts, "an older record of a deployment came after a newer one and is passed over");
      return;
    }
    this.#records.set(record.hostLabel, record);
    this.#swap(record);
  }

  #swap(record: DeploymentRecord): void {
    const { hostLabel, deployment: name, environment, generation, release } = record;
    const old = this.#byLabel.get(hostLabel);
    const plan = this.#planFor(record);
    const isNew = old?.generation !== generation || this.#unserved.has(hostLabel);
    if (plan) this.#unserved.delete(hostLabel);
    else this.#unserved.set(hostLabel, record);
    if (plan && isNew) this.#servedAtMs.set(hostLabel, this.#nowMs());
    this.#byLabel.set(hostLabel, {
      hostLabel,
      name,
      project: name.split("/")[1] ?? "",
      environment,
      generation,
      release,
      offline: record.state === DeploymentRecord_State.OFFLINE,
      // Whatever is not said to be open needs a key.
      authorized: record.access !== DeploymentRecord_Access.NONE,
      plan: plan ?? old?.plan ?? null,
    });
  }

  #planFor(record: DeploymentRecord): DeploymentPlan | null {
    const old = this.#byLabel.get(record.hostLabel)?.plan;
    if (old && old.digest === record.snapshotDigest) return old;
    const packed = this.#wholeSnapshot(record);
    if (packed === null) return null;
    try {
      const bytes = unpackRecord(packed);
      if (digestOf(bytes) !== record.snapshotDigest) throw new Error("the digest is not that of the parts");
      const plan = compilePlan(record, DeploymentSnapshot.decode(bytes), this.#region);
      const facts = { deployment: record.deployment, release: record.release, revision: plan.revision };
      this.#log.info(facts, "a release is being served");
      return plan;
    } catch (err) {
      const facts = { err, deployment: record.deployment, release: record.release, digest: record.snapshotDigest };
      this.#log.error(facts, "a snapshot cannot be served; what was served before goes on");
      return null;
    }
  }

  #wholeSnapshot({ snapshotDigest, snapshotParts }: DeploymentRecord): Buffer | null {
    const parts = this.#parts.get(snapshotDigest);
    if (!parts || snapshotParts < 1) return null;
    const inOrder: Buffer[] = [];
    for (let index = 0; index < snapshotParts; index++) {
      const part = parts.get(index);
      if (!part) return null;
      inOrder.push(part);
    }
    return inOrder.length === 1 ? inOrder[0]! : Buffer.concat(inOrder);
  }
}
