import type { Queryable, Transaction } from "@millrace/sql";

// Artifacts by digest, cut into chunks. PostgreSQL is where they are kept; the bus has a copy.

/**
 * Whether this call made the row; another transaction that makes the same one waits here for this one's end. A row that was there counts as
 * new again, so that it is not taken for unused before something uses it.
 */
export async function insertArtifact(tx: Transaction, digest: string, sizeBytes: number): Promise<boolean> {
  const [row] = await tx<{ made: boolean }[]>`
    insert into artifacts (digest, size_bytes)
    values (${digest}, ${sizeBytes})
    on conflict (digest) do update set created_at = now()
    returning xmax = 0 as made`;
  return row!.made;
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

/** Digests from before an instant that nothing uses. By the indexes artifacts_by_age, functions_by_artifact and versions_by_artifact. */
export async function listUnusedArtifacts(sql: Queryable, before: Date, limit: number): Promise<string[]> {
  const rows = await sql<{ digest: string }[]>`
    select digest
    from artifacts a
    where
      created_at < ${before}
      and not exists (select from functions f where f.artifact_digest = a.digest)
      and not exists (select from function_versions v where v.artifact_digest = a.digest)
    order by created_at
    limit ${limit}`;
  return rows.map(({ digest }) => digest);
}

/** Deletes an artifact with its chunks unless it is used or new by now; answers whether it did. */
export async function deleteUnusedArtifact(tx: Transaction, digest: string, before: Date): Promise<boolean> {
  const result = await tx`
    delete from artifacts a
    where
      digest = ${digest}
      and created_at < ${before}
      and not exists (select from functions f where f.artifact_digest = a.digest)
      and not exists (select from function_versions v where v.artifact_digest = a.digest)`;
  return result.count > 0;
}

/** Bytes of the different artifacts of a project's drafts and versions. By the indexes functions_id and the versions' primary key. */
export async function sumCodeBytes(sql: Queryable, project: string): Promise<number> {
  const [row] = await sql<{ bytes: string }[]>`
    select coalesce(sum(size_bytes), 0) as bytes
    from artifacts
    where digest in (
      select artifact_digest
      from functions
      where project = ${project}
      union
      select v.artifact_digest
      from function_versions v
      join functions f on f.uid = v.function_uid
      where f.project = ${project}
    )`;
  return Number(row!.bytes);
}
