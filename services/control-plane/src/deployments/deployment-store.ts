import type { Environment } from "@millrace/names";
import type { Queryable, Transaction } from "@millrace/sql";
import { notFound } from "../requests/refusals.ts";
import type { Deployment, DeploymentKey, DeploymentState } from "./deployment.ts";

interface Row extends Omit<Deployment, "release" | "revision" | "snapshotDigest" | "generation" | "version"> {
  release: number | null;
  revision: number | null;
  snapshotDigest: string | null;
  generation: string;
  version: string;
}

/** Custom hosts are found by the index domains_by_deployment; no lock of a deployment's row is on them. */
const columns = (sql: Queryable) => sql`
  group_label as label, environment, state, release, revision, snapshot_digest, generation, version, updated_at,
  (
    select coalesce(json_agg(d.host order by d.host) filter (where d.verified_at is not null), '[]')
    from domains d
    where d.group_label = deployments.group_label and d.environment = deployments.environment
  ) as custom_hosts`;

export async function insertDeployments(
  tx: Transaction,
  label: string,
  environments: readonly Environment[],
): Promise<void> {
  await tx`
    insert into deployments (group_label, environment)
    select ${label}, * from unnest(${[...environments]}::text[])`;
}

/** By primary key; undefined when there is none. */
async function findDeployment(sql: Queryable, { label, environment }: DeploymentKey): Promise<Deployment | undefined> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)}
    from deployments
    where group_label = ${label} and environment = ${environment}`;
  return row && fromRow(row);
}

/** Throws `not_found` deployment_not_found. By primary key. */
export async function getDeployment(sql: Queryable, key: DeploymentKey): Promise<Deployment> {
  const deployment = await findDeployment(sql, key);
  if (!deployment) throw notFound("deployment", key.environment);
  return deployment;
}

/** As getDeployment; locks the row, so that releases of a deployment come one after the other. Does not hinder what refers to it. */
export async function lockDeployment(tx: Transaction, { label, environment }: DeploymentKey): Promise<Deployment> {
  const [row] = await tx<Row[]>`
    select ${columns(tx)}
    from deployments
    where group_label = ${label} and environment = ${environment}
    for no key update`;
  if (!row) throw notFound("deployment", environment);
  return fromRow(row);
}

/** The three of a group, test first. By primary key. */
export async function deploymentsOf(sql: Queryable, label: string): Promise<Deployment[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from deployments
    where group_label = ${label}
    order by array_position(array['test', 'preview', 'online'], environment)`;
  return rows.map(fromRow);
}

/** Deployments that have been released, after `after`. By primary key. */
export async function listReleased(sql: Queryable, after: DeploymentKey, limit: number): Promise<Deployment[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from deployments
    where (group_label, environment) > (${after.label}, ${after.environment}) and state <> 'unreleased'
    order by group_label, environment
    limit ${limit}`;
  return rows.map(fromRow);
}

export async function updateRelease(
  tx: Transaction,
  { label, environment }: DeploymentKey,
  { release, revision, snapshotDigest }: { release: number; revision: number; snapshotDigest: string },
): Promise<void> {
  await tx`
    update deployments
    set
      state = 'serving',
      release = ${release},
      revision = ${revision},
      snapshot_digest = ${snapshotDigest},
      generation = generation + 1,
      version = version + 1,
      updated_at = now()
    where group_label = ${label} and environment = ${environment}`;
}

export async function updateState(
  tx: Transaction,
  { label, environment }: DeploymentKey,
  state: Exclude<DeploymentState, "unreleased">,
): Promise<void> {
  await tx`
    update deployments
    set state = ${state}, generation = generation + 1, version = version + 1, updated_at = now()
    where group_label = ${label} and environment = ${environment}`;
}

/** Counts a change of the group that gateways must hear of. Answers the deployments that have been released. */
export async function raiseGenerations(tx: Transaction, label: string): Promise<DeploymentKey[]> {
  return tx<DeploymentKey[]>`
    update deployments
    set generation = generation + 1, updated_at = now()
    where group_label = ${label} and state <> 'unreleased'
    returning group_label as label, environment`;
}

/** Notes the snapshots of a group that is about to be deleted. */
export async function retireSnapshotsOf(tx: Transaction, label: string): Promise<void> {
  await tx`
    insert into retired_snapshots (digest)
    select distinct snapshot_digest
    from deployments
    where group_label = ${label} and snapshot_digest is not null
    on conflict (digest) do update set retired_at = now()`;
}

function fromRow(row: Row): Deployment {
  return {
    ...row,
    release: row.release ?? undefined,
    revision: row.revision ?? undefined,
    snapshotDigest: row.snapshotDigest ?? undefined,
    generation: Number(row.generation),
    version: Number(row.version),
  };
}
