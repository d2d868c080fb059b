import type { Queryable, Transaction } from "@millrace/sql";
import { alreadyExists, notFound, unlessTaken } from "../requests/refusals.ts";
import type { Api, ApiDefinition } from "./api.ts";
import { completed } from "./api-draft.ts";
import { routeOf } from "./route.ts";

/** A revision of a group. */
export interface RevisionKey {
  label: string;
  number: number;
}

interface Row extends Omit<Api, "definition" | "version"> {
  definition: string;
  version: string;
}

export interface ApiRow extends Pick<Api, "id" | "uid" | "definition"> {
  /** Of the backend's function; undefined when the backend is none. */
  functionUid: string | undefined;
}

export interface RoutedApi extends Pick<Api, "id" | "uid"> {
  definition: Pick<ApiDefinition, "method" | "path" | "match" | "backend" | "backendRequest">;
}

const columns = (sql: Queryable) => sql`id, uid, definition::text, version, created_at, updated_at`;

/** Throws `already_exists` api_exists. The caller has looked for clashing routes under the revision's lock. */
export async function insertApi(tx: Transaction, { label, number }: RevisionKey, api: ApiRow): Promise<void> {
  const { id, uid, definition, functionUid } = api;
  const text = JSON.stringify(definition);
  const insert = tx`
    insert into apis (group_label, revision, id, uid, definition, definition_bytes, route, function_uid)
    values (
      ${label}, ${number}, ${id}, ${uid}, ${text}::text::jsonb, ${Buffer.byteLength(text)}, ${routeOf(definition)},
      ${functionUid ?? null}
    )`;
  await unlessTaken(insert, "apis_pkey", () => alreadyExists("api", id));
}

/** Throws `not_found` api_not_found. By primary key. */
export async function getApi(sql: Queryable, { label, number }: RevisionKey, id: string): Promise<Api> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)}
    from apis
    where group_label = ${label} and revision = ${number} and id = ${id}`;
  if (!row) throw notFound("api", id);
  return fromRow(row);
}

/** APIs after `after` by id. By primary key. */
export async function listApis(
  sql: Queryable,
  { label, number }: RevisionKey,
  { after, limit }: { after: string; limit: number },
): Promise<Api[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from apis
    where group_label = ${label} and revision = ${number} and id > ${after}
    order by id
    limit ${limit}`;
  return rows.map(fromRow);
}

/** All APIs of a revision; there are as many as the quota allows. By primary key. */
export async function listAllApis(sql: Queryable, { label, number }: RevisionKey): Promise<Api[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from apis
    where group_label = ${label} and revision = ${number}
    order by id`;
  return rows.map(fromRow);
}

const DOCUMENTING = [
  ...["summary", "description", "tags", "deprecated", "parameters", "requestBody"],
  ...["responseBody", "responseStatus", "responseDescription", "otherResponses"],
];

/** All APIs of a revision without what gateways do not need of them: parameters and bodies. By primary key. */
export async function listRoutes(sql: Queryable, { label, number }: RevisionKey): Promise<RoutedApi[]> {
  const rows = await sql<{ id: string; uid: string; definition: string }[]>`
    select id, uid, (definition - ${DOCUMENTING}::text[])::text as definition
    from apis
    where group_label = ${label} and revision = ${number}
    order by id`;
  return rows.map((row) => ({ ...row, definition: JSON.parse(row.definition) as RoutedApi["definition"] }));
}

/** The API with the route, other than `id`; undefined when there is none. By the index apis_route. */
export async function findRoute(
  sql: Queryable,
  { label, number }: RevisionKey,
  route: string,
  id: string,
): Promise<Api | undefined> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)}
    from apis
    where group_label = ${label} and revision = ${number} and route = ${route} and id <> ${id}`;
  return row && fromRow(row);
}

export async function updateApi(
  tx: Transaction,
  { label, number }: RevisionKey,
  { id, definition, functionUid }: Omit<ApiRow, "uid">,
): Promise<void> {
  const text = JSON.stringify(definition);
  await tx`
    update apis
    set
      definition = ${text}::text::jsonb,
      definition_bytes = ${Buffer.byteLength(text)},
      route = ${routeOf(definition)},
      function_uid = ${functionUid ?? null},
      version = version + 1,
      updated_at = now()
    where group_label = ${label} and revision = ${number} and id = ${id}`;
}

/** Bytes of all definitions of a revision as text. By primary key. */
export async function sumBytes(sql: Queryable, { label, number }: RevisionKey): Promise<number> {
  const [row] = await sql<{ bytes: number }[]>`
    select coalesce(sum(definition_bytes), 0)::int as bytes
    from apis
    where group_label = ${label} and revision = ${number}`;
  return row!.bytes;
}

/** Takes routes away from APIs that are about to get others, so that two can change places. */
export async function releaseRoutes(
  tx: Transaction,
  { label, number }: RevisionKey,
  ids: readonly string[],
): Promise<void> {
  await tx`
    update apis
    set route = 'moving ' || id
    where group_label = ${label} and revision = ${number} and id = any(${[...ids]})`;
}

export async function deleteApis(
  tx: Transaction,
  { label, number }: RevisionKey,
  ids: readonly string[],
): Promise<void> {
  await tx`
    delete from apis
    where group_label = ${label} and revision = ${number} and id = any(${[...ids]})`;
}

/** Uids of those of the functions that exist, by id; each is kept from being deleted until the transaction ends. */
export async function holdFunctions(
  tx: Transaction,
  project: string,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const rows = await tx<{ id: string; uid: string }[]>`
    select id, uid
    from functions
    where project = ${project} and id = any(${[...ids]})
    order by id
    for key share`;
  return new Map(rows.map(({ id, uid }) => [id, uid]));
}

function fromRow(row: Row): Api {
  return {
    ...row,
    definition: completed(JSON.parse(row.definition) as Partial<ApiDefinition>),
    version: Number(row.version),
  };
}
