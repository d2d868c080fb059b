import type { Queryable } from "@millrace/sql";
import { QUOTAS } from "../limits.ts";
import { sumCodeBytes } from "../uploads/artifact-store.ts";

/** What a project may own, and what it owns of it. */
export interface QuotaUse {
  name: string;
  limit: number;
  /** Of what is counted for each function, group or revision: that of the fullest one. */
  used: number;
  /** The fullest one: its id; empty for what is counted for the project. */
  of: string;
}

type Fullest = { used: number; of: string };

/** Every quota of a project, in the order of the table. By the indexes of each list. */
export async function usedQuotas(sql: Queryable, project: string): Promise<QuotaUse[]> {
  const uses: Readonly<Record<Exclude<keyof typeof QUOTAS, "projects">, Fullest>> = {
    functionsPerProject: await one(
      sql,
      sql`select count(*)::int as used, '' as of from functions where project = ${project}`,
    ),
    codeBytesPerProject: { used: await sumCodeBytes(sql, project), of: "" },
    versionsPerFunction: await ofFunctions(
      sql,
      project,
      sql`select count(*)::int from function_versions x where x.function_uid = f.uid`,
    ),
    aliasesPerFunction: await ofFunctions(
      sql,
      project,
      sql`select count(*)::int from aliases x where x.function_uid = f.uid`,
    ),
    testEventsPerFunction: await ofFunctions(
      sql,
      project,
      sql`select count(*)::int from test_events x where x.function_uid = f.uid`,
    ),
    groupsPerProject: await one(
      sql,
      sql`select count(*)::int as used, '' as of from api_groups where project = ${project}`,
    ),
    revisionsPerGroup: await ofGroups(
      sql,
      project,
      sql`select count(*)::int from revisions x where x.group_label = g.label`,
    ),
    apisPerRevision: await ofGroups(
      sql,
      project,
      sql`select coalesce(max(n), 0)::int from (select count(*) as n from apis x where x.group_label = g.label group by revision) r`,
    ),
    definitionBytesPerRevision: await ofGroups(
      sql,
      project,
      sql`select coalesce(max(n), 0)::int from (select sum(definition_bytes) as n from apis x where x.group_label = g.label group by revision) r`,
    ),
    alarmsPerProject: await one(
      sql,
      sql`select count(*)::int as used, '' as of from alarms where project = ${project}`,
    ),
    domainsPerProject: await one(
      sql,
      sql`select count(*)::int as used, '' as of from domains where project = ${project}`,
    ),
    domainsPerGroup: await ofGroups(
      sql,
      project,
      sql`select count(*)::int from domains x where x.group_label = g.label`,
    ),
  };
  const { projects: _, ...limits } = QUOTAS;
  return Object.entries(limits).map(([name, limit]) => ({ name, limit, ...uses[name as keyof typeof uses] }));
}

type Fragment = ReturnType<Queryable>;

async function one(sql: Queryable, count: Fragment): Promise<Fullest> {
  const [row] = await sql<Fullest[]>`${count} limit 1`;
  return row ?? { used: 0, of: "" };
}

function ofFunctions(sql: Queryable, project: string, count: Fragment): Promise<Fullest> {
  return one(
    sql,
    sql`select (${count}) as used, f.id as of from functions f where f.project = ${project} order by used desc, f.id`,
  );
}

function ofGroups(sql: Queryable, project: string, count: Fragment): Promise<Fullest> {
  return one(
    sql,
    sql`select (${count}) as used, g.id as of from api_groups g where g.project = ${project} order by used desc, g.id`,
  );
}
