import { KEYS } from "@millrace/bus";
import { markKeys } from "@millrace/projection";
import { inTransaction, query, type Sql } from "@millrace/sql";
import { markOf } from "./grant-keys.ts";
import { GRANT_LISTS } from "./grant-store.ts";

export interface ReprojectingServiceDeps {
  sql: Sql;
  /** What the bucket holds now. */
  bucketKeys(): AsyncIterable<string>;
}

const PAGE = 1_000;

/** Rebuilds the bucket while it is being read: it marks every key that it should hold or does hold, and the relay renders each. */
export class ReprojectingService {
  readonly #deps: ReprojectingServiceDeps;

  constructor(deps: ReprojectingServiceDeps) {
    this.#deps = deps;
  }

  /** Answers how many entries the bucket should hold. Errors: `unavailable` bus_unavailable. */
  async reproject(): Promise<number> {
    await this.#mark(this.#deps.bucketKeys());
    return this.#mark(this.#rows());
  }

  async #mark(keys: AsyncIterable<string>): Promise<number> {
    let marked = 0;
    for await (const page of pages(keys)) {
      await inTransaction(this.#deps.sql, (tx) => markKeys(tx, page.map(markOf)));
      marked += page.length;
    }
    return marked;
  }

  async *#rows(): AsyncGenerator<string> {
    const { sql } = this.#deps;
    const accessKeys = every([""], ([after]) => GRANT_LISTS.accessKeys(sql, after!, PAGE), keyIdOf);
    for await (const { keyId } of accessKeys) yield KEYS.accessKey(keyId);
    const subscriptionKeys = every([""], ([after]) => GRANT_LISTS.subscriptionKeys(sql, after!, PAGE), keyHashOf);
    for await (const { keyHash } of subscriptionKeys) yield KEYS.subscriptionKey(keyHash);
    const grants = every(["", ""], ([host, key]) => GRANT_LISTS.authorizations(sql, host!, key!, PAGE), grantOf);
    for await (const { hostLabel, keyId } of grants) yield KEYS.authorization(hostLabel, keyId);
  }
}

const keyIdOf = ({ keyId }: { keyId: string }) => [keyId];
const keyHashOf = ({ keyHash }: { keyHash: string }) => [keyHash];
const grantOf = ({ hostLabel, keyId }: { hostLabel: string; keyId: string }) => [hostLabel, keyId];

/** Reads a list page by page, each after the sort key of the last row of the page before. */
async function* every<Row>(
  first: readonly string[],
  read: (after: readonly string[]) => Promise<Row[]>,
  keyOf: (row: Row) => readonly string[],
): AsyncGenerator<Row> {
  for (let after = first; ; ) {
    const rows = await query(() => read(after));
    yield* rows;
    if (rows.length < PAGE) return;
    after = keyOf(rows.at(-1)!);
  }
}

/** Each page names a key once, as marking needs it; a bucket that changes while it is listed may name it twice. */
async function* pages(keys: AsyncIterable<string>): AsyncGenerator<string[]> {
  const page = new Set<string>();
  for await (const key of keys) {
    page.add(key);
    if (page.size === PAGE) {
      yield [...page];
      page.clear();
    }
  }
  if (page.size > 0) yield [...page];
}
