import type { Queryable } from "@millrace/sql";
import type { Invocation, StoredInvocation } from "./invocation.ts";

/** Stores invocations; those that are there already stay as they are. Their days are there. */
export async function insertInvocations(sql: Queryable, invocations: readonly StoredInvocation[]): Promise<void> {
  if (invocations.length === 0) return;
  await sql`
    insert into invocations (
      at, stream_made_at, sequence, runner, project, function_uid, function_id, function_version, request_id, status, reason,
      duration_ms, wait_ms, cpu_us, cpu_shared, memory_kib, cold, bytes_in, bytes_out
    )
    select
      "at", "streamMadeAt", "sequence", "runner", "project", "functionUid", "functionId", "functionVersion", "requestId",
      "status", "reason", "durationMs", "waitMs", "cpuUs", "cpuShared", "memoryKib", "cold", "bytesIn", "bytesOut"
    from jsonb_to_recordset(${JSON.stringify(invocations)}::text::jsonb) as told (
      "at" timestamptz, "streamMadeAt" timestamptz, "sequence" bigint, "runner" text, "project" text, "functionUid" text,
      "functionId" text, "functionVersion" integer, "requestId" text, "status" integer, "reason" text,
      "durationMs" double precision, "waitMs" double precision, "cpuUs" bigint, "cpuShared" boolean, "memoryKib" bigint,
      "cold" boolean, "bytesIn" bigint, "bytesOut" bigint
    )
    on conflict do nothing`;
}

/** Those of a request, in the order in which they ended. By the index invocations_by_request. */
export async function listInvocations(
  sql: Queryable,
  { project, requestId, limit }: { project: string; requestId: string; limit: number },
): Promise<Invocation[]> {
  const rows = await sql<Invocation[]>`
    select
      at, runner, function_id, function_version, request_id, status, reason, duration_ms, wait_ms, cpu_us, cpu_shared,
      memory_kib, cold, bytes_in, bytes_out
    from invocations
    where
      project = ${project}
      and request_id = ${requestId}
      and at >= (select created_at from projects where id = ${project})
    order by at
    limit ${limit}`;
  return rows.map((row) => ({
    ...row,
    cpuUs: row.cpuUs === null ? null : Number(row.cpuUs),
    memoryKib: row.memoryKib === null ? null : Number(row.memoryKib),
    bytesIn: Number(row.bytesIn),
    bytesOut: Number(row.bytesOut),
  }));
}
