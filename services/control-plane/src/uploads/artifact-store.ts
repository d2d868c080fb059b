import type { Queryable, Transaction } from "@millrace/sql";

// Artifacts by digest, cut into chunks. PostgreSQL is where they are kept; the bus has a copy.

/** Whether this call made the row; another transaction that makes the same one waits here for this one's end. */
export async function insertArtifact(tx: Transaction, digest: string, sizeBytes: number): Promise<boolean> {
  const rows = await tx`
    insert into artifacts (digest, size_bytes)
    values (${digest}, ${sizeBytes})
    on conflict (digest) do nothing
    returning digest`;
  return rows.length > 0;
}

export async function insertChunk(tx: Transaction, digest: string, number: number, bytes: Uint8Array): Promise<void> {
  await tx`
    insert into artifact_chunks (digest, number, bytes)
    values (${digest}, ${number}, ${bytes})`;
}

/** By primary key; undefined after the last. */
export async function findChunk(sql: Queryable, digest: string, number: number): Promise<Buffer | undefined> {
  const [row] = await sql<{ bytes: Buffer }[]>`
    select bytes
    from artifact_chunks
    where digest = ${digest} and number = ${number}`;
  return row?.bytes;
}

/** Digests after `after` that a draft or a version uses. By primary key. */
export async function listUsedArtifacts(sql: Queryable, after: string, limit: number): Promise<string[]> {
  const rows = await sql<{ digest: string }[]>`
    select digest
    from artifacts a
    where
      digest > ${after}
      and (
        exists (select from functions f where f.artifact_digest = a.digest)
        or exists (select from function_versions v where v.artifact_digest = a.digest)
      )
    order by digest
    limit ${limit}`;
  return rows.map(({ digest }) => digest);
}
