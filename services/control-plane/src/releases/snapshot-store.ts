import type { Queryable, Transaction } from "@millrace/sql";

// Packed snapshots by the digest of their bytes before packing, and those that wait to be taken off the bus.

/** Keeps a snapshot unless it is there; holds its row, so that a sweep waits for this transaction's end. */
export async function insertSnapshot(tx: Transaction, digest: string, packed: Uint8Array): Promise<void> {
  await tx`
    insert into snapshots (digest, packed)
    values (${digest}, ${packed})
    on conflict (digest) do update set digest = excluded.digest`;
}

/** Holds the row of a snapshot that is about to be served again. By primary key. */
export async function holdSnapshot(tx: Transaction, digest: string): Promise<void> {
  await tx`
    select 1
    from snapshots
    where digest = ${digest}
    for share`;
}

/** By primary key. */
export async function getSnapshot(sql: Queryable, digest: string): Promise<Buffer> {
  const [row] = await sql<{ packed: Buffer }[]>`
    select packed
    from snapshots
    where digest = ${digest}`;
  if (!row) throw new Error(`there is no snapshot ${digest}`);
  return row.packed;
}

/** Notes that a deployment has left a snapshot. */
export async function retireSnapshot(tx: Transaction, digest: string): Promise<void> {
  await tx`
    insert into retired_snapshots (digest)
    values (${digest})
    on conflict (digest) do update set retired_at = now()`;
}

/** Digests that were left before an instant. By the index retired_snapshots_by_age. */
export async function dueSnapshots(sql: Queryable, before: Date, limit: number): Promise<string[]> {
  const rows = await sql<{ digest: string }[]>`
    select digest
    from retired_snapshots
    where retired_at < ${before}
    order by retired_at
    limit ${limit}`;
  return rows.map(({ digest }) => digest);
}

/**
 * Locks the snapshot and answers whether no deployment points to it (by the index deployments_by_snapshot). The second statement sees
 * what was committed while the lock was waited for.
 */
export async function lockUnused(tx: Transaction, digest: string): Promise<boolean> {
  await tx`
    select 1
    from snapshots
    where digest = ${digest}
    for update`;
  const [used] = await tx`
    select 1
    from deployments
    where snapshot_digest = ${digest}
    limit 1`;
  return used === undefined;
}

/** Deletes a snapshot that no release has any more. By the index releases_by_snapshot. */
export async function deleteOrphan(tx: Transaction, digest: string): Promise<void> {
  await tx`
    delete from snapshots
    where digest = ${digest} and not exists (select from releases r where r.snapshot_digest = ${digest})`;
}

export async function forgetRetired(tx: Transaction, digest: string): Promise<void> {
  await tx`
    delete from retired_snapshots
    where digest = ${digest}`;
}
