import type { Transaction } from "@millrace/sql";
import type { DeploymentKey } from "./deployment.ts";

// What changed deployments without a release: the other half of their history.

export async function insertEvent(
  tx: Transaction,
  { label, environment }: DeploymentKey,
  event: { kind: "offline" | "online"; author: string },
): Promise<void> {
  await tx`
    insert into deployment_events (group_label, environment, kind, detail, author)
    values (${label}, ${environment}, ${event.kind}, '', ${event.author})`;
}

/** Notes a move at every deployment whose newest release follows the alias. By the index release_targets_by_function. */
export async function insertAliasMoves(
  tx: Transaction,
  move: { functionUid: string; alias: string; detail: string; author: string },
): Promise<void> {
  await tx`
    insert into deployment_events (group_label, environment, kind, detail, author)
    select d.group_label, d.environment, 'alias_moved', ${move.detail}, ${move.author}
    from release_targets t
    join deployments d
      on d.group_label = t.group_label and d.environment = t.environment and d.release = t.release
    where t.function_uid = ${move.functionUid} and t.qualifier = ${move.alias}`;
}
