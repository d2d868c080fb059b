import type { Environment } from "@millrace/names";
import type { Queryable } from "@millrace/sql";
import type { Deployment } from "../deployments/deployment.ts";
import type { FunctionVersion } from "../functions/function.ts";
import { readCode, readConfig } from "../functions/function-json.ts";
import type { AccessMode } from "../groups/group.ts";

// What the bus shows, read from what is committed.

export interface ProjectedDeployment extends Pick<Deployment, "state" | "generation"> {
  project: string;
  group: string;
  access: AccessMode;
  release: number;
  snapshotDigest: string;
}

/** A released deployment with its group; undefined when there is none. By primary keys. */
export async function findReleased(
  sql: Queryable,
  label: string,
  environment: Environment,
): Promise<ProjectedDeployment | undefined> {
  const [row] = await sql<(Omit<ProjectedDeployment, "generation"> & { generation: string })[]>`
    select g.project, g.id as "group", g.access, d.state, d.release, d.snapshot_digest, d.generation
    from deployments d
    join api_groups g on g.label = d.group_label
    where d.group_label = ${label} and d.environment = ${environment} and d.state <> 'unreleased'`;
  return row && { ...row, generation: Number(row.generation) };
}

export interface ProjectedVersion extends FunctionVersion {
  project: string;
  functionId: string;
}

/** By primary keys; undefined when there is none. */
export async function findProjectedVersion(
  sql: Queryable,
  functionUid: string,
  number: number,
): Promise<ProjectedVersion | undefined> {
  const [row] = await sql<(Omit<ProjectedVersion, "config" | "code"> & { config: string; code: string })[]>`
    select
      f.project, f.id as function_id, v.function_uid, v.number, v.description, v.config::text, v.code::text, v.created_at
    from function_versions v
    join functions f on f.uid = v.function_uid
    where v.function_uid = ${functionUid} and v.number = ${number}`;
  return row && { ...row, config: readConfig(row.config), code: readCode(row.code) };
}

export interface ProjectedDomain {
  label: string | null;
  environment: Environment | null;
  fingerprint: string | null;
  chainPem: string;
  sealedKey: Buffer;
}

/** A custom host that is proved; undefined when it is not. By the index domains_holder. */
export async function findProvedDomain(sql: Queryable, host: string): Promise<ProjectedDomain | undefined> {
  const [row] = await sql<ProjectedDomain[]>`
    select d.group_label as label, d.environment, c.fingerprint, c.chain_pem, c.sealed_key
    from domains d
    left join domain_certificates c on c.domain_uid = d.uid
    where d.host = ${host} and d.verified_at is not null`;
  return row;
}

/** Custom hosts that are proved, after `after`. By the index domains_holder. */
export async function listProvedDomains(
  sql: Queryable,
  after: { host: string },
  limit: number,
): Promise<{ host: string }[]> {
  return sql<{ host: string }[]>`
    select host
    from domains
    where host > ${after.host} and verified_at is not null
    order by host
    limit ${limit}`;
}

/** A page of what all projections should hold, in an order of its own. By primary keys. */
export async function listVersionKeys(
  sql: Queryable,
  after: { uid: string; number: number },
  limit: number,
): Promise<{ uid: string; number: number }[]> {
  return sql<{ uid: string; number: number }[]>`
    select function_uid as uid, number
    from function_versions
    where (function_uid, number) > (${after.uid}, ${after.number})
    order by function_uid, number
    limit ${limit}`;
}

export async function listAliasKeys(
  sql: Queryable,
  after: { uid: string; id: string },
  limit: number,
): Promise<{ uid: string; id: string }[]> {
  return sql<{ uid: string; id: string }[]>`
    select function_uid as uid, id
    from aliases
    where (function_uid, id) > (${after.uid}, ${after.id})
    order by function_uid, id
    limit ${limit}`;
}

/** Digests of the snapshots that deployments point to, or have left and may still be read. */
export async function projectedSnapshots(sql: Queryable): Promise<Set<string>> {
  const rows = await sql<{ digest: string }[]>`
    select snapshot_digest as digest
    from deployments
    where snapshot_digest is not null
    union
    select digest
    from retired_snapshots`;
  return new Set(rows.map(({ digest }) => digest));
}

/** The clock by which keys are marked. */
export async function databaseNow(sql: Queryable): Promise<Date> {
  const [row] = await sql<{ now: Date }[]>`select clock_timestamp() as now`;
  return row!.now;
}

/** Whether a key that was marked before an instant still waits. By the index outbox_by_age. */
export async function marksWait(sql: Queryable, before: Date): Promise<boolean> {
  const [row] = await sql`
    select 1
    from outbox
    where marked_at <= ${before}
    limit 1`;
  return row !== undefined;
}

/** When a stream of the bus was made, as noted; undefined when it has never been seen. */
export async function notedStreams(sql: Queryable): Promise<Map<string, number>> {
  const rows = await sql<{ name: string; madeAt: Date }[]>`
    select name, made_at
    from bus_streams`;
  return new Map(rows.map(({ name, madeAt }) => [name, madeAt.getTime()]));
}

export async function noteStream(sql: Queryable, name: string, madeAt: Date): Promise<void> {
  await sql`
    insert into bus_streams (name, made_at)
    values (${name}, ${madeAt})
    on conflict (name) do update set made_at = excluded.made_at`;
}
