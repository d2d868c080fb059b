import type { Queryable } from "@millrace/sql";

/** Whether the stream is the one that was seen before. By the primary key. */
export async function isNoted(db: Queryable, name: string, madeAt: Date): Promise<boolean> {
  const rows = await db`
    select 1
    from bus_streams
    where name = ${name} and made_at = ${madeAt}`;
  return rows.length === 1;
}

export async function noteStream(db: Queryable, name: string, madeAt: Date): Promise<void> {
  await db`
    insert into bus_streams (name, made_at)
    values (${name}, ${madeAt})
    on conflict (name) do update set made_at = excluded.made_at`;
}
