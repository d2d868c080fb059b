import type { Queryable, Transaction } from "@millrace/sql";
import type { Backend } from "../apis/api.ts";
import type { DeploymentKey } from "../deployments/deployment.ts";
import { notFound } from "../requests/refusals.ts";
import type { Release, ReleasedApi, ReleaseTarget, RoutingRule } from "./release.ts";

interface Row extends Omit<Release, "environmentBackend" | "routingRules" | "apis"> {
  environmentBackend: string | null;
  routingRules: string;
  apis: string;
}

const columns = (sql: Queryable) => sql`
  group_label as label, environment, number, revision, note, author, environment_backend::text, routing_rules::text, apis::text,
  rollback_of, snapshot_digest, created_at`;

export async function insertRelease(tx: Transaction, release: Omit<Release, "createdAt">): Promise<void> {
  const { label, environment, number, revision, note, author, environmentBackend, routingRules, apis } = release;
  const backend = environmentBackend ? JSON.stringify(environmentBackend) : null;
  await tx`
    insert into releases (
      group_label, environment, number, revision, note, author, environment_backend, routing_rules, apis, rollback_of,
      snapshot_digest
    )
    values (
      ${label}, ${environment}, ${number}, ${revision}, ${note}, ${author}, ${backend}::text::jsonb,
      ${JSON.stringify(routingRules)}::text::jsonb, ${JSON.stringify(apis)}::text::jsonb, ${release.rollbackOf}, ${release.snapshotDigest}
    )`;
}

/** Throws `not_found` release_not_found. By primary key. */
export async function getRelease(
  sql: Queryable,
  { label, environment }: DeploymentKey,
  number: number,
): Promise<Release> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)}
    from releases
    where group_label = ${label} and environment = ${environment} and number = ${number}`;
  if (!row) throw notFound("release", String(number));
  return fromRow(row);
}

/** Releases below `before`, newest first. By primary key. */
export async function listReleases(
  sql: Queryable,
  { label, environment }: DeploymentKey,
  { before, limit }: { before: number; limit: number },
): Promise<Release[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from releases
    where group_label = ${label} and environment = ${environment} and number < ${before}
    order by number desc
    limit ${limit}`;
  return rows.map(fromRow);
}

export async function insertTargets(
  tx: Transaction,
  { label, environment }: DeploymentKey,
  release: number,
  targets: readonly ReleaseTarget[],
): Promise<void> {
  const uids = targets.map(({ functionUid }) => functionUid);
  const qualifiers = targets.map(({ qualifier }) => qualifier);
  await tx`
    insert into release_targets (group_label, environment, release, function_uid, qualifier)
    select ${label}, ${environment}, ${release}, *
    from unnest(${uids}::text[], ${qualifiers}::text[])
    on conflict do nothing`;
}

/** By primary key. */
export async function targetsOf(
  sql: Queryable,
  { label, environment }: DeploymentKey,
  release: number,
): Promise<ReleaseTarget[]> {
  return sql<ReleaseTarget[]>`
    select function_uid, qualifier
    from release_targets
    where group_label = ${label} and environment = ${environment} and release = ${release}
    order by function_uid, qualifier`;
}

function fromRow(row: Row): Release {
  return {
    ...row,
    environmentBackend: row.environmentBackend === null ? undefined : (JSON.parse(row.environmentBackend) as Backend),
    routingRules: JSON.parse(row.routingRules) as RoutingRule[],
    apis: JSON.parse(row.apis) as ReleasedApi[],
  };
}
