import { query, type Sql, type Transaction } from "@millrace/sql";

const UNDONE = new Error("what was done is undone on purpose");

/**
 * Runs `work` in a transaction that is rolled back: what would happen, without it happening. Until then it holds the locks that doing it
 * would take. It is not tried again after a deadlock or a serialisation failure: nobody but its caller waits for it, who can ask again.
 */
export async function undone<T>(sql: Sql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const held: { result?: T } = {};
  const run = sql.begin(async (tx) => {
    held.result = await work(tx);
    throw UNDONE;
  });
  await query(() =>
    run.catch((error: unknown) => {
      if (error !== UNDONE) throw error;
    }),
  );
  return held.result as T;
}
