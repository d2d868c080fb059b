/**
 * Fills the gateway's own plan in a process of its own, with records as control-plane writes them, and measures it at several sizes. Runs with
 * --expose-gc; hands the levels to its parent.
 */
import { digestOf, KEYS, packRecord } from "@millrace/bus";
import {
  DeploymentRecord,
  DeploymentRecord_Access,
  DeploymentRecord_State,
  DeploymentSnapshot,
} from "@millrace/proto/release/v1/release";
import { Deployments } from "../../../../services/gateway/src/releases/deployments.ts";
import { quantileOf } from "../statistics.ts";
import type { PlanLevel, PlanOrder } from "./plan-level.ts";

const APIS_PER_GROUP = 10;
const RESOURCES = ["pets", "orders", "users", "payments", "reports"];
const REGION = "local-1";
const MIB = 1024 ** 2;
/** Lookups are timed by the batch: the clock is coarser than one of them. */
const BATCHES = 50;

process.once("message", (order: PlanOrder) => {
  process.send?.(measure(order), () => process.disconnect?.());
});

function measure({ groupCounts, lookups, swaps }: PlanOrder): PlanLevel[] {
  const log = { info() {}, error: (fields: object) => fail(fields) };
  const deployments = new Deployments(REGION, log);
  const emptyBytes = heldBytes();
  const levels: PlanLevel[] = [];
  let loaded = 0;
  let generation = 1;
  let loadMs = 0;
  for (const groups of groupCounts) {
    for (; loaded < groups; loaded++) loadMs += put(deployments, loaded, generation);
    if (deployments.count !== groups) throw new Error(`${deployments.count} deployments of ${groups}`);
    const heldMiB = (heldBytes() - emptyBytes) / MIB;
    const swapMs = Array.from({ length: swaps }, (_, i) => put(deployments, scattered(i, groups), ++generation, true));
    const lookupUs = Array.from({ length: BATCHES }, (_, i) => lookupBatch(deployments, groups, lookups / BATCHES, i));
    levels.push({
      groups,
      apis: groups * APIS_PER_GROUP,
      loadMs,
      swapP50Ms: quantileOf(swapMs, 0.5),
      swapP99Ms: quantileOf(swapMs, 0.99),
      swapMaxMs: Math.max(...swapMs),
      lookupUs: quantileOf(lookupUs, 0.5),
      heldMiB,
    });
  }
  return levels;
}

/** Puts a release into the plan and answers how long that took: with its snapshot, or only the record when that is what swaps. */
function put(deployments: Deployments, group: number, generation: number, recordOnly = false): number {
  const { record, digest, packed } = releaseOf(group, generation);
  const putPart = () => deployments.onPut(KEYS.snapshotPart(digest, 0), packed);
  if (recordOnly) putPart();
  const startedAt = performance.now();
  if (!recordOnly) putPart();
  deployments.onPut(KEYS.deployment(labelOf(group)), record);
  const tookMs = performance.now() - startedAt;
  if (deployments.get(labelOf(group))?.plan?.digest !== digest) throw new Error("the release is not served");
  return tookMs;
}

function lookupBatch(deployments: Deployments, groups: number, count: number, batch: number): number {
  const wanted = Array.from({ length: count }, (_, i) => {
    const at = scattered(batch * count + i, groups * APIS_PER_GROUP);
    const [group, api] = [Math.floor(at / APIS_PER_GROUP), at % APIS_PER_GROUP];
    return { label: received(labelOf(group)), path: received(pathOf(group, api).replace("{id}", "4711")) };
  });
  let found = 0;
  const startedAt = performance.now();
  for (const { label, path } of wanted) if (deployments.get(label)?.plan?.routes.find("GET", path)) found++;
  const tookMs = performance.now() - startedAt;
  if (found !== count) throw new Error(`${count - found} lookups found nothing`);
  return (tookMs * 1_000) / count;
}

function releaseOf(group: number, generation: number) {
  const routes = Array.from({ length: APIS_PER_GROUP }, (_, api) => ({
    apiUid: `api-${group}-${api}`,
    apiName: `api${api}`,
    method: "GET",
    path: pathOf(group, api),
    backend: {
      $case: "function" as const,
      value: {
        functionUid: `fn-${group}`,
        target: { $case: "version" as const, value: generation },
        eventFormat: "jd",
      },
    },
  }));
  const snapshot = DeploymentSnapshot.fromPartial({
    groupName: `group-${group}`,
    revision: "0.0.1",
    routes,
    ownerPin: "",
  });
  const bytes = DeploymentSnapshot.encode(snapshot).finish();
  const digest = digestOf(bytes);
  const record = DeploymentRecord.fromPartial({
    deployment: `projects/p/groups/group-${group}/deployments/online`,
    hostLabel: labelOf(group),
    environment: "online",
    generation,
    state: DeploymentRecord_State.SERVING,
    access: DeploymentRecord_Access.NONE,
    snapshotDigest: digest,
    snapshotParts: 1,
    release: generation,
  });
  return { digest, packed: packRecord(bytes), record: packRecord(DeploymentRecord.encode(record).finish()) };
}

const labelOf = (group: number): string => group.toString(36).padStart(12, "0");

function pathOf(group: number, api: number): string {
  const resource = RESOURCES[api % RESOURCES.length];
  return api < RESOURCES.length ? `/v${group % 7}/${resource}` : `/v${group % 7}/${resource}/{id}`;
}

/** As a parser hands it over: in one piece, and not hashed yet. */
const received = (text: string): string => Buffer.from(text).toString("latin1");

/** Spreads a counter over a range, so that neighbours in time are none in memory. */
const scattered = (i: number, range: number): number => (Math.imul(i + 1, 0x9e3779b1) >>> 0) % range;

function heldBytes(): number {
  for (let i = 0; i < 3; i++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function fail(fields: object): never {
  throw new Error(`a record was not taken: ${JSON.stringify(fields)}`);
}
