import { BUCKETS, KEYS } from "@millrace/bus";
import { type MarkedKey, markKeys } from "@millrace/projection";
import { inTransaction, type Sql, type Transaction } from "@millrace/sql";
import type { KV } from "@nats-io/kv";
import { listReleased } from "../deployments/deployment-store.ts";
import { retireSnapshot } from "../releases/snapshot-store.ts";
import { markDeployments, markDomains } from "./marks.ts";
import { listAliasKeys, listProvedDomains, listVersionKeys, projectedSnapshots } from "./projected-store.ts";

// Rebuilds the projections: every key that should exist is marked, and so is every key that exists.

const PAGE = 1_000;

export interface Marked {
  deployments: number;
  functionVersions: number;
  aliases: number;
  domains: number;
}

/** Marks every key, a page in a transaction. */
export async function markEverything(sql: Sql): Promise<Marked> {
  return {
    functionVersions: await markPages(sql, { uid: "", number: 0 }, listVersionKeys, (tx, rows) =>
      markKeys(
        tx,
        rows.map(({ uid, number }) => functionKey(KEYS.functionVersion(uid, number))),
      ),
    ),
    aliases: await markPages(sql, { uid: "", id: "" }, listAliasKeys, (tx, rows) =>
      markKeys(
        tx,
        rows.map(({ uid, id }) => functionKey(KEYS.alias(uid, id))),
      ),
    ),
    domains: await markPages(sql, { host: "" }, listProvedDomains, (tx, rows) =>
      markDomains(
        tx,
        rows.map(({ host }) => host),
      ),
    ),
    deployments: await markPages(sql, { label: "", environment: "online" }, listReleased, markDeployments),
  };
}

async function markPages<Key extends object, Row extends Key>(
  sql: Sql,
  first: Key,
  list: (tx: Transaction, after: Key, limit: number) => Promise<Row[]>,
  mark: (tx: Transaction, rows: Row[]) => Promise<void>,
): Promise<number> {
  let count = 0;
  for (let after = first; ; ) {
    const rows = await inTransaction(sql, async (tx) => {
      const page = await list(tx, after, PAGE);
      await mark(tx, page);
      return page;
    });
    count += rows.length;
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return count;
    after = last;
  }
}

/** Marks every key that the buckets hold, so that strays are found to be such; snapshots that nothing points to are left to the sweeper. */
export async function markExisting(sql: Sql, buckets: { releases: KV; functions: KV }): Promise<void> {
  const keys: MarkedKey[] = [];
  const digests = new Set<string>();
  for await (const key of await buckets.functions.keys()) keys.push(functionKey(key));
  for await (const key of await buckets.releases.keys()) {
    const [kind, digest = ""] = key.split(".");
    if (kind === "snapshot") digests.add(digest);
    else keys.push({ bucket: BUCKETS.releases, key });
  }
  await inTransaction(sql, async (tx) => {
    await markKeys(tx, keys);
    const known = await projectedSnapshots(tx);
    for (const digest of digests) if (!known.has(digest)) await retireSnapshot(tx, digest);
  });
}

function functionKey(key: string): MarkedKey {
  return { bucket: BUCKETS.functions, key };
}
