import type { InvocationOutcome } from "@millrace/proto/invocation/v1/invocation";

/** How an invocation ended, as the log's line of it says. */
export function outcomeLine(outcome: InvocationOutcome): string {
  const { status, reason, durationMs, waitMs, cpuUs, cpuShared, memoryKib, cold, bytesIn, bytesOut } = outcome;
  const facts = [
    reason ? `reason=${reason}` : `status=${status}`,
    `duration=${durationMs.toFixed(1)}ms`,
    ...(cpuUs === undefined ? [] : [`cpu=${(cpuUs / 1000).toFixed(1)}ms${cpuShared ? " shared" : ""}`]),
    ...(memoryKib === undefined ? [] : [`memory=${(memoryKib / 1024).toFixed(1)}MiB`]),
    `in=${bytesIn}B`,
    `out=${bytesOut}B`,
    `wait=${waitMs.toFixed(1)}ms`,
    `cold=${cold}`,
  ];
  return `end ${facts.join(" ")}`;
}
