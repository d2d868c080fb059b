import type { Queryable, Sql } from "@millrace/sql";

/** How the database would do what a store asks, were the tables too large to be read whole. */
export async function planOf(sql: Sql, ask: (sql: Queryable) => Promise<unknown>): Promise<string> {
  let plan = "";
  await sql.begin(async (tx) => {
    await tx`set local enable_seqscan = off`;
    await tx`set local enable_bitmapscan = off`;
    await tx`set local enable_sort = off`;
    const explaining = new Proxy(tx, {
      apply(target, self, [strings, ...values]: [TemplateStringsArray, ...unknown[]]) {
        if (!Array.isArray(strings) || !/^\s*(select|update|delete)\b/.test(strings[0]!)) {
          return Reflect.apply(target as never, self, [strings, ...values]);
        }
        const asked = Object.assign([`explain ${strings[0]}`, ...strings.slice(1)], { raw: strings.raw });
        const explained = Reflect.apply(target as never, self, [asked, ...values]) as Promise<Record<string, string>[]>;
        return explained.then((rows) => {
          plan = rows.flatMap((row) => Object.values(row)).join("\n");
          return [];
        });
      },
    });
    await ask(explaining as unknown as Queryable);
  });
  return plan;
}
