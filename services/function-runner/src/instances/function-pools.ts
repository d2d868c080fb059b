import { join } from "node:path";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { type EgressPolicy, policyOf } from "../egress/egress-policy.ts";
import { concurrencyOf, functionKey, versionText } from "../functions/function-version.ts";
import { INSTANCE_LIMITS, RECYCLING_LIMITS } from "../limits.ts";
import type { OutputLevel } from "../sandbox/sandbox-frames.ts";
import { BlankThreads } from "./blank-threads.ts";
import { CoreWatch } from "./core-watch.ts";
import { FunctionPool } from "./function-pool.ts";
import type { Instance } from "./instance.ts";
import type { ProjectSandboxes } from "./project-sandboxes.ts";

export interface PoolsDependencies {
  sandboxes: ProjectSandboxes;
  /** Makes sure that the artifact is on this machine. */
  fetchArtifact(digest: string): Promise<void>;
  /** Puts the artifact into a sandbox's folder, under its digest. It must have been fetched. */
  placeArtifact(digest: string, folder: string): void;
  /** Whether the code of a function that is handed a Request seems to look closer at it. The artifact must have been fetched. */
  usesWeb(digest: string): boolean;
  openEnvironment(record: FunctionVersionRecord): Record<string, string>;
  /** Loopback `address:port`s that are the machine's to functions with this policy. */
  hostLoopback(policy: EgressPolicy): string[];
  onOutput(record: FunctionVersionRecord, level: OutputLevel | "platform", bytes: Buffer): void;
  onWarmth(key: string, warm: boolean): void;
  log: { warn(fields: object, message: string): void };
  /** Live instances of all versions before the longest idle one makes room. */
  instancesMax: number;
}

/** The pools of all function versions that this runner has met. */
export class FunctionPools {
  readonly #deps: PoolsDependencies;
  readonly #pools = new Map<string, FunctionPool>();
  readonly #cores = new CoreWatch();
  readonly #blanks = new BlankThreads(this.#cores);
  readonly #sweeper: NodeJS.Timeout;

  constructor(deps: PoolsDependencies) {
    this.#deps = deps;
    this.#sweeper = setInterval(() => this.#sweep(), INSTANCE_LIMITS.sweepIntervalMs);
  }

  poolOf(record: FunctionVersionRecord): FunctionPool {
    const key = functionKey(record);
    const pool = this.#pools.get(key) ?? this.#open(key, record);
    return pool;
  }

  /** Keeps so many instances of the version loaded from now on: starts them at once, and does not end them for being idle. */
  keep(record: FunctionVersionRecord, minimum: number): void {
    const pool = minimum > 0 ? this.poolOf(record) : this.#pools.get(functionKey(record));
    pool?.starts.keep(minimum);
  }

  get instances(): number {
    let instances = 0;
    for (const pool of this.#pools.values()) instances += pool.size;
    return instances;
  }

  /** Starts afresh with a version whose record is gone or another. */
  retire(key: string): void {
    this.#pools.get(key)?.close();
    this.#pools.delete(key);
  }

  /** Starts nothing any more. */
  close(): void {
    for (const pool of this.#pools.values()) pool.close();
    clearInterval(this.#sweeper);
    this.#blanks.close();
    this.#cores.close();
  }

  #open(key: string, record: FunctionVersionRecord): FunctionPool {
    const { timeoutMs, memoryMib } = record;
    const { callsMax, ageMs } = RECYCLING_LIMITS;
    const concurrency = concurrencyOf(record);
    const terms = { concurrency, timeoutMs, memoryMib, callsMax, ageMs, cores: this.#cores };
    const pool = new FunctionPool(terms, {
      start: (instance) => this.#start(record, instance),
      onWarmth: (warm) => this.#deps.onWarmth(key, warm),
      onOutput: (level, bytes) => this.#deps.onOutput(record, level, bytes),
      mayKeepMore: () => this.#kept() < this.#deps.instancesMax * INSTANCE_LIMITS.keptShare,
      onStartFailed: (err) => this.#deps.log.warn({ err, function: key }, "an instance could not be started"),
    });
    this.#pools.set(key, pool);
    return pool;
  }

  async #start(record: FunctionVersionRecord, instance: Instance): Promise<void> {
    await this.#deps.fetchArtifact(record.artifactDigest);
    if (this.instances > this.#deps.instancesMax) this.#evictOne();
    const policy = policyOf(record);
    const sandbox = this.#deps.sandboxes.for(record.project, policy);
    this.#deps.placeArtifact(record.artifactDigest, sandbox.folders.code);
    const withWeb = record.shape === "fetch" && this.#deps.usesWeb(record.artifactDigest);
    this.#blanks.starts(sandbox, { memoryMib: record.memoryMib, withWeb });
    const handle = sandbox.startInstance(
      {
        folder: join(sandbox.inside.code, record.artifactDigest),
        handler: record.handler,
        functionName: record.functionId,
        functionVersion: versionText(record),
        memoryMib: record.memoryMib,
        environment: this.#deps.openEnvironment(record),
        hostLoopback: this.#deps.hostLoopback(policy),
      },
      {
        onReady: () => instance.onReady(),
        onFrame: (frame) => instance.onFrame(frame),
        onEnded: (end) => instance.onEnded(end),
        idleBytes: () => instance.idleBytes,
      },
      withWeb,
    );
    instance.attach(handle);
  }

  #evictOne(): void {
    let oldest: Instance | undefined;
    for (const instance of this.#idle()) if (instance.heardAt < (oldest?.heardAt ?? Infinity)) oldest = instance;
    oldest?.retire();
  }

  #sweep(): void {
    const idleSince = performance.now() - INSTANCE_LIMITS.idleTimeoutMs;
    for (const instance of this.#idle()) if (instance.heardAt < idleSince) instance.retire();
    for (const pool of this.#pools.values()) pool.starts.fill();
    this.#renewOne();
    this.#blanks.sweep();
    this.#deps.sandboxes.sweep();
  }

  /** One at a time: what began together may be worn together, and starts compute. */
  #renewOne(): void {
    for (const pool of this.#pools.values()) if (pool.starts.renew()) return;
  }

  /** Instances that are there since a minimum asks for them. */
  #kept(): number {
    let kept = 0;
    for (const pool of this.#pools.values()) kept += pool.starts.kept;
    return kept;
  }

  /** Those that may be ended. Who ends some on the way is told of no more than may be. */
  *#idle(): Iterable<Instance> {
    for (const pool of this.#pools.values()) {
      for (const instance of pool.instances) {
        if (instance.state === "ready" && instance.calls === 0 && pool.starts.ready > pool.starts.minimum)
          yield instance;
      }
    }
  }
}
