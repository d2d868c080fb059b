import type { Queryable } from "@millrace/sql";

// Who uses a function: APIs of any revision, and the releases that deployments hold (served, or served again once brought online). By
// pages for who looks, and by names for who is refused.

export interface ApiPlace {
  /** Of the group. */
  label: string;
  revision: number;
  id: string;
}

export interface ApiUse extends ApiPlace {
  group: string;
  method: string;
  path: string;
  qualifier: string;
  /** Where the API's revision is served. */
  environments: string[];
}

export interface DeploymentPlace {
  label: string;
  environment: string;
}

export interface DeploymentUse extends DeploymentPlace {
  group: string;
  /** The newest. */
  release: number;
  state: string;
  /** Versions that are pinned, aliases that are followed. */
  qualifiers: string[];
}

/** APIs of any revision whose backend is the function, by group, revision and id. By the index apis_of_function. */
export async function listApis(
  sql: Queryable,
  functionUid: string,
  { after, limit }: { after: ApiPlace; limit: number },
): Promise<ApiUse[]> {
  return sql<ApiUse[]>`
    select
      a.group_label as label, a.revision, a.id, g.id as "group",
      a.definition->>'method' as method, a.definition->>'path' as path,
      coalesce(a.definition->'backend'->>'qualifier', '') as qualifier,
      to_json(array(
        select d.environment
        from deployments d
        where d.group_label = a.group_label and d.revision = a.revision and d.state = 'serving'
      )) as environments
    from apis a
    join api_groups g on g.label = a.group_label
    where
      a.function_uid = ${functionUid}
      and (a.group_label, a.revision, a.id) > (${after.label}, ${after.revision}, ${after.id})
    order by a.group_label, a.revision, a.id
    limit ${limit}`;
}

/** Deployments whose newest release calls the function, by group and environment. By the index release_targets_of_function. */
export async function listDeployments(
  sql: Queryable,
  functionUid: string,
  { after, limit }: { after: DeploymentPlace; limit: number },
): Promise<DeploymentUse[]> {
  return sql<DeploymentUse[]>`
    select
      d.group_label as label, d.environment, g.id as "group", d.release, d.state,
      json_agg(t.qualifier order by t.qualifier) as qualifiers
    from release_targets t
    join deployments d on d.group_label = t.group_label and d.environment = t.environment and d.release = t.release
    join api_groups g on g.label = d.group_label
    where
      t.function_uid = ${functionUid}
      and (t.group_label, t.environment) > (${after.label}, ${after.environment})
    group by d.group_label, d.environment, g.id, d.release, d.state
    order by d.group_label, d.environment
    limit ${limit}`;
}

/** `{group} {revision} {api}` of the APIs whose backend is the function. By the index apis_of_function. */
export async function apisUsing(sql: Queryable, functionUid: string, limit: number): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select
      g.id || ' ' || a.revision / 1000000 || '.' || a.revision / 1000 % 1000 || '.' || a.revision % 1000 || ' ' || a.id as name
    from apis a
    join api_groups g on g.label = a.group_label
    where a.function_uid = ${functionUid}
    order by name
    limit ${limit}`;
  return rows.map(({ name }) => name);
}

/**
 * `{group} {environment} (release {number})` of the deployments whose newest release calls the function, by any qualifier or by the
 * given one. By the index release_targets_by_function.
 */
export async function deploymentsUsing(
  sql: Queryable,
  functionUid: string,
  qualifier: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select distinct g.id || ' ' || d.environment || ' (release ' || d.release || ')' as name
    from release_targets t
    join deployments d
      on d.group_label = t.group_label and d.environment = t.environment and d.release = t.release
    join api_groups g on g.label = d.group_label
    where t.function_uid = ${functionUid} ${qualifier === undefined ? sql`` : sql`and t.qualifier = ${qualifier}`}
    order by name
    limit ${limit}`;
  return rows.map(({ name }) => name);
}
