import { KEYS, packRecord, splitParts } from "@millrace/bus";
import { ENVIRONMENTS, type Environment, formatName, hostLabel } from "@millrace/names";
import type { Render, Rendered } from "@millrace/projection";
import { DomainRecord } from "@millrace/proto/release/v1/domain";
import {
  DeploymentRecord_Access as Access,
  AliasRecord,
  DeploymentRecord,
  type EgressRecord,
  FunctionVersionRecord,
  DeploymentRecord_State as State,
} from "@millrace/proto/release/v1/release";
import { query, type Sql } from "@millrace/sql";
import { findAlias } from "../functions/alias-store.ts";
import { type Egress, runSettings } from "../functions/function.ts";
import { getSnapshot } from "../releases/snapshot-store.ts";
import {
  findProjectedVersion,
  findProvedDomain,
  findReleased,
  type ProjectedDeployment,
  type ProjectedVersion,
} from "./projected-store.ts";

// What each key of the buckets should hold now.

export type RunnableVersion = Omit<ProjectedVersion, "description" | "createdAt">;

/** Keys of the bucket `releases`: a custom host, or a deployment's record, after the parts of the snapshot that it points to. */
export function renderRelease(sql: Sql): Render {
  return async (key) => {
    if (key.startsWith(KEYS.domain(""))) return renderDomain(sql, key.slice(KEYS.domain("").length));
    const [, host] = key.split(".");
    const { label, environment } = deploymentOf(host ?? "");
    const deployment = await query(() => findReleased(sql, label, environment));
    if (!deployment) return {};
    const parts = splitParts(await query(() => getSnapshot(sql, deployment.snapshotDigest)));
    return {
      before: parts.map((value, i) => ({ key: KEYS.snapshotPart(deployment.snapshotDigest, i), value })),
      value: deploymentRecord(deployment, label, environment, parts.length),
    };
  };
}

async function renderDomain(sql: Sql, host: string): Promise<Rendered> {
  const domain = await query(() => findProvedDomain(sql, host));
  if (!domain) return {};
  const { label, environment, fingerprint, chainPem, sealedKey } = domain;
  const bound = label !== null && environment !== null;
  const record: DomainRecord = {
    host,
    hostLabel: bound ? hostLabel(label, environment) : "",
    certificate: fingerprint === null ? undefined : { chainPem, fingerprint, sealedKey },
  };
  return { value: packRecord(DomainRecord.encode(record).finish()) };
}

/** Keys of the bucket `functions`. */
export function renderFunction(sql: Sql): Render {
  return async (key): Promise<Rendered> => {
    const [kind, uid = "", id = ""] = key.split(".");
    if (kind === "version") {
      const version = await query(() => findProjectedVersion(sql, uid, Number(id)));
      return version ? { value: packRecord(FunctionVersionRecord.encode(toVersionRecord(version)).finish()) } : {};
    }
    const alias = await query(() => findAlias(sql, uid, id));
    if (!alias) return {};
    const targets = alias.targets.map(({ version, weight }) => ({ version, weight }));
    const { version: generation, minInstances } = alias;
    const record = { functionUid: uid, alias: id, targets, generation, minInstances };
    return { value: packRecord(AliasRecord.encode(record).finish()) };
  };
}

function deploymentOf(host: string): { label: string; environment: Environment } {
  const [label = "", environment = "online"] = host.split("-");
  return { label, environment: ENVIRONMENTS.find((known) => known === environment) ?? "online" };
}

function deploymentRecord(
  deployment: ProjectedDeployment,
  label: string,
  environment: Environment,
  snapshotParts: number,
): Buffer {
  const { project, group, generation, state, access, snapshotDigest, release } = deployment;
  const record: DeploymentRecord = {
    deployment: formatName("deployment", { project, group, environment }),
    hostLabel: hostLabel(label, environment),
    environment,
    generation,
    state: state === "serving" ? State.SERVING : State.OFFLINE,
    access: access === "none" ? Access.NONE : Access.AUTHORIZED,
    snapshotDigest,
    snapshotParts,
    release,
  };
  return packRecord(DeploymentRecord.encode(record).finish());
}

/** What a runner needs to know of a version, or of a draft that is tried. */
export function toVersionRecord(version: RunnableVersion): FunctionVersionRecord {
  const { functionUid, number, project, functionId, config, code } = version;
  const sealed = Object.entries(config.sealedSecrets).map(([key, text]) => [key, Buffer.from(text, "base64")]);
  return {
    functionUid,
    version: number,
    project,
    functionId,
    artifactDigest: code.digest,
    ...runSettings(config, code),
    memoryMib: config.memoryMib,
    timeoutMs: config.timeoutMs,
    maxConcurrencyPerRunner: config.maxConcurrencyPerRunner,
    environment: { ...config.environment },
    sealedSecrets: Object.fromEntries(sealed),
    egress: egressRecord(config.egress),
  };
}

function egressRecord(egress: Egress): EgressRecord {
  return { mode: egress.mode, hosts: egress.mode === "hosts" ? [...egress.hosts] : [] };
}
