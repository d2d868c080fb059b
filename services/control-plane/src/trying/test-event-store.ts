import type { Queryable, Transaction } from "@millrace/sql";
import { alreadyExists, notFound, unlessTaken } from "../requests/refusals.ts";
import type { TestEvent } from "./test-event.ts";

interface Row extends Omit<TestEvent, "version"> {
  version: string;
}

const columns = (sql: Queryable) => sql`function_uid, id, kind, body, version, created_at, updated_at`;

/** Throws `already_exists` test_event_exists. */
export async function insertTestEvent(
  tx: Transaction,
  { functionUid, id, kind, body }: Pick<TestEvent, "functionUid" | "id" | "kind" | "body">,
): Promise<void> {
  const insert = tx`
    insert into test_events (function_uid, id, kind, body)
    values (${functionUid}, ${id}, ${kind}, ${body})`;
  await unlessTaken(insert, "test_events_pkey", () => alreadyExists("test event", id));
}

/** Throws `not_found` test_event_not_found. By primary key. */
export async function getTestEvent(sql: Queryable, functionUid: string, id: string): Promise<TestEvent> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)}
    from test_events
    where function_uid = ${functionUid} and id = ${id}`;
  if (!row) throw notFound("test event", id);
  return fromRow(row);
}

/** Those after `after` by id. By primary key. */
export async function listTestEvents(
  sql: Queryable,
  { functionUid, after, limit }: { functionUid: string; after: string; limit: number },
): Promise<TestEvent[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from test_events
    where function_uid = ${functionUid} and id > ${after}
    order by id
    limit ${limit}`;
  return rows.map(fromRow);
}

/** By primary key. */
export async function countTestEvents(sql: Queryable, functionUid: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count
    from test_events
    where function_uid = ${functionUid}`;
  return row!.count;
}

/** The caller has locked the function. */
export async function updateTestEvent(
  tx: Transaction,
  { functionUid, id, kind, body }: Pick<TestEvent, "functionUid" | "id" | "kind" | "body">,
): Promise<void> {
  await tx`
    update test_events
    set kind = ${kind}, body = ${body}, version = version + 1, updated_at = now()
    where function_uid = ${functionUid} and id = ${id}`;
}

export async function deleteTestEvent(tx: Transaction, functionUid: string, id: string): Promise<void> {
  await tx`
    delete from test_events
    where function_uid = ${functionUid} and id = ${id}`;
}

function fromRow(row: Row): TestEvent {
  return { ...row, version: Number(row.version) };
}
