import type { Queryable, Transaction } from "@millrace/sql";

// The transactional outbox. A change marks the keys of the bus that it touches, in its own transaction; the relay later renders each key
// from what is committed by then. So it is level-triggered: marking twice costs nothing, order does not matter, and marking everything
// rebuilds a projection. Each service has the table:
//
//   create table outbox (
//     bucket text not null, key text not null, mark bigint not null default 1, marked_at timestamptz not null default now(),
//     primary key (bucket, key));
//
// The channel `outbox` of the service's schema wakes the relay at commit.

export interface MarkedKey {
  bucket: string;
  key: string;
}

/** Marks keys in the transaction that changes what they show. Locks their rows until it ends. */
export async function markKeys(tx: Transaction, keys: readonly MarkedKey[]): Promise<void> {
  if (keys.length === 0) return;
  const inOrder = keys.toSorted((a, b) => (a.bucket + a.key < b.bucket + b.key ? -1 : 1));
  for (let at = 0; at < inOrder.length; at += 1_000) {
    const some = inOrder.slice(at, at + 1_000);
    await tx`
      insert into outbox (bucket, key)
      select * from unnest(${some.map(({ bucket }) => bucket)}::text[], ${some.map(({ key }) => key)}::text[])
      on conflict (bucket, key)
      do update set mark = outbox.mark + 1, marked_at = now()`;
  }
  await tx`select pg_notify(current_schema() || '_outbox', '')`;
}

export interface OutboxRow extends MarkedKey {
  mark: string;
  markedAt: Date;
}

/**
 * The oldest marked keys. Those of one transaction go bucket by bucket in the order of the alphabet: `functions` before the `releases`
 * that call them. Reads without locks: there is one relay at a time.
 */
export function oldestMarks(sql: Queryable, count: number): Promise<OutboxRow[]> {
  return sql<OutboxRow[]>`
    select bucket, key, mark, marked_at
    from outbox
    order by marked_at, bucket
    limit ${count}`;
}

/** Forgets a mark unless the key was marked again meanwhile. */
export async function forgetMark(sql: Queryable, row: OutboxRow): Promise<void> {
  await sql`
    delete from outbox
    where bucket = ${row.bucket} and key = ${row.key} and mark = ${row.mark}`;
}
