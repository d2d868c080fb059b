import { BUCKETS, KEYS } from "@millrace/bus";
import { hostLabel } from "@millrace/names";
import { markKeys } from "@millrace/projection";
import type { Transaction } from "@millrace/sql";
import type { DeploymentKey } from "../deployments/deployment.ts";
import { aliasIds } from "../functions/alias-store.ts";
import { versionNumbers } from "../functions/version-store.ts";

// Which keys of the bus a change touches; each is written anew from what is committed.

export function markVersion(tx: Transaction, functionUid: string, number: number): Promise<void> {
  return markKeys(tx, [{ bucket: BUCKETS.functions, key: KEYS.functionVersion(functionUid, number) }]);
}

export function markAlias(tx: Transaction, functionUid: string, alias: string): Promise<void> {
  return markKeys(tx, [{ bucket: BUCKETS.functions, key: KEYS.alias(functionUid, alias) }]);
}

/** All versions and aliases of a function. */
export async function markFunction(tx: Transaction, functionUid: string): Promise<void> {
  const numbers = await versionNumbers(tx, functionUid);
  const aliases = await aliasIds(tx, functionUid);
  const keys = [
    ...numbers.map((number) => KEYS.functionVersion(functionUid, number)),
    ...aliases.map((alias) => KEYS.alias(functionUid, alias)),
  ];
  await markKeys(
    tx,
    keys.map((key) => ({ bucket: BUCKETS.functions, key })),
  );
}

/** Custom hosts. */
export function markDomains(tx: Transaction, hosts: readonly string[]): Promise<void> {
  return markKeys(
    tx,
    hosts.map((host) => ({ bucket: BUCKETS.releases, key: KEYS.domain(host) })),
  );
}

export function markDeployments(tx: Transaction, keys: readonly DeploymentKey[]): Promise<void> {
  return markKeys(
    tx,
    keys.map(({ label, environment }) => ({
      bucket: BUCKETS.releases,
      key: KEYS.deployment(hostLabel(label, environment)),
    })),
  );
}
