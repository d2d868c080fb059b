import { createPrivateKey } from "node:crypto";
import { join } from "node:path";
import { guarded, publishKept, SUBJECTS } from "@millrace/bus";
import type { AllowedRange } from "@millrace/outbound";
import { type Telemetry, USAGE_LIMITS } from "@millrace/telemetry";
import { readArtifact } from "./artifacts/artifact-bus.ts";
import { ArtifactCache } from "./artifacts/artifact-cache.ts";
import { BuildService } from "./building/build-service.ts";
import { BuildsBus } from "./building/builds-bus.ts";
import { Egress } from "./egress/egress.ts";
import { FunctionRecords } from "./functions/function-records-bus.ts";
import { openEnvironment } from "./functions/function-secrets.ts";
import { FunctionPools } from "./instances/function-pools.ts";
import { FunctionUsage } from "./instances/function-usage.ts";
import { ProjectSandboxes } from "./instances/project-sandboxes.ts";
import { VersionUsage } from "./instances/version-usage.ts";
import { INSTANCE_LIMITS } from "./limits.ts";
import { LogPublisher } from "./logs/log-bus.ts";
import { BeatBus } from "./placing/beat-bus.ts";
import type { BusStores } from "./placing/bus-stores.ts";
import { type BusConnection, FramesBus } from "./placing/frames-bus.ts";
import { Placing } from "./placing/placing.ts";
import type { SandboxSupply } from "./sandbox/sandbox-supply.ts";
import { InvocationTraces } from "./tracing/invocation-traces.ts";
import { TRIER, Trials } from "./trying/trials.ts";
import { TrialsBus } from "./trying/trials-bus.ts";

export interface RunnerDependencies {
  runnerId: string;
  slots: number;
  /** Of one project; undefined: all. */
  projectCallsMax?: number | undefined;
  /** Of the machine, or what its cgroup may have of it. */
  memoryBytes: number;
  cacheDirectory: string;
  /** X25519, PKCS8 PEM. */
  privateKeyPem: string;
  drainTimeoutMs: number;
  log: Record<"debug" | "info" | "warn" | "error", (fields: object, message: string) => void>;
  bus: BusConnection;
  stores: BusStores;
  supply: SandboxSupply;
  /** Where spans go. */
  spans: Telemetry["spans"];
  requestsTold: boolean;
  nats: { url: string };
  /** Addresses that functions may reach although they are private or the platform's. */
  egressAllow: readonly AllowedRange[];
}

export type RunnerApp = ReturnType<typeof buildApp>;

/** Puts the runner together. Nothing is taken in until `start`. */
export function buildApp(deps: RunnerDependencies) {
  const { log, supply, stores, slots, runnerId } = deps;
  supply.boundMemory(deps.memoryBytes);
  const privateKey = createPrivateKey(deps.privateKeyPem);
  const frames = new FramesBus(deps.bus, runnerId);
  const publish = (subject: string, bytes: Uint8Array) => frames.publish(subject, bytes);
  const artifacts = new ArtifactCache(join(deps.cacheDirectory, "artifacts"), (digest) =>
    readArtifact(stores.artifacts, digest),
  );
  const logs = new LogPublisher(runnerId, publish);
  const usage = new FunctionUsage();
  const versions = new VersionUsage({
    nowMs: Date.now,
    publish: (bytes) => publishKept(deps.bus, SUBJECTS.usage("runner", runnerId), bytes, USAGE_LIMITS.takenMs),
    log,
  });
  const traces = new InvocationTraces(deps.spans, () => performance.now());
  const records = new FunctionRecords(stores.functions, log, {
    onChanged: (key) => pools.retire(key),
    onMinimum: (record, minimum) => pools.keep(record, minimum),
  });
  const egress = new Egress({ allow: deps.egressAllow, busUrl: deps.nats.url, log });
  const pools = new FunctionPools({
    sandboxes: new ProjectSandboxes({
      take: () => supply.take(),
      openEgress: ({ folders, uid }, project, policy) => egress.open({ folder: folders.egress, uid }, project, policy),
    }),
    hostLoopback: (policy) => egress.hostLoopback(policy),
    fetchArtifact: (digest) => artifacts.ensure(digest),
    placeArtifact: (digest, folder) => artifacts.placeInto(digest, folder),
    usesWeb: (digest) => artifacts.usesWeb(digest),
    openEnvironment: (record) => openEnvironment(record, privateKey),
    onOutput: (record, level, bytes) => {
      logs.loose(record, level, bytes);
      trials.printed(record, level, bytes);
    },
    onWarmth: (key, warm) => beats.setWarm(key, warm),
    log,
    instancesMax: instancesMax(slots, deps.memoryBytes),
  });
  const placing = new Placing({
    slots,
    projectCallsMax: deps.projectCallsMax,
    batcher: frames.batcher,
    isConnected: () => frames.connected,
    echo: () => frames.echo(),
    records: {
      get: (key) => records.get(key) ?? trials.draft(key),
      waitFor: (key, timeoutMs) => records.waitFor(key, timeoutMs),
    },
    poolOf: (record) => pools.poolOf(record),
    onChange: () => beats.changed(),
    onThrottled: (record) => versions.addThrottled(record),
    onOver: (record, invocation, outcome) => {
      trials.over(invocation, outcome);
      usage.add(record, outcome);
      if (!deps.requestsTold) return;
      versions.add(record, outcome);
      logs.invocationOver(record, invocation, outcome);
      traces.over(record, invocation, outcome);
    },
  });
  const trials = new Trials({
    send: (message) => placing.receive(message),
    retire: (key) => pools.retire(key),
  });
  frames.ownPeer = { name: TRIER, receive: (message) => trials.receive(message) };
  const beats = new BeatBus({
    runnerId,
    isolationTier: supply.launcher.tier,
    facts: () => ({ slots, slotsBusy: placing.slotsBusy, draining: !placing.isOpen }),
    publish,
    onBeat: (nowMs) => placing.tick(nowMs),
  });
  const trialsBus = new TrialsBus(deps.bus, trials, log);
  const builds = new BuildsBus(deps.bus, new BuildService({ stores, supply }), log);

  return {
    /** Facts for the metrics. */
    facts: () => ({
      slots,
      slotsBusy: placing.slotsBusy,
      rejections: placing.rejections,
      instances: pools.instances,
      logEntriesDropped: logs.dropped,
      usageDropped: versions.dropped,
      ...supply.counters,
    }),
    egress: egress.audit.counters,
    usage,
    readiness: () => ({ ready: frames.connected, natsConnected: frames.connected }),
    /** Begins to take work, once it is known which functions there are. */
    async start(): Promise<void> {
      await records.caughtUp;
      frames.listen(guarded((message: Buffer) => placing.receive(message), log));
      placing.start();
      frames.onReconnected = () => {
        placing.onReconnected();
        beats.flush();
      };
      beats.start();
      versions.start();
      builds.listen();
      trialsBus.listen();
      supply.refill();
    },
    /** Takes nothing new, and waits for what runs. */
    async drain(): Promise<void> {
      const drained = placing.drained(deps.drainTimeoutMs);
      beats.flush();
      const built = Promise.all([builds.close(), trialsBus.close()]);
      if (!(await drained)) log.warn({ calls: placing.calls }, "calls are given up: the runner stops");
      await built;
    },
    async close(): Promise<void> {
      records.close();
      pools.close();
      await supply.close();
      logs.close();
      beats.close();
      await versions.close();
      await frames.close();
    },
  };
}

/** Every slot may have an instance; beyond that, what the machine's memory, or that of its cgroup, has room for. */
function instancesMax(slots: number, memoryBytes: number): number {
  const { perSlot, idleBytes, memoryShare } = INSTANCE_LIMITS;
  return Math.max(slots, Math.min(slots * perSlot, Math.floor((memoryBytes * memoryShare) / idleBytes)));
}
