import assert from "node:assert/strict";
import { test } from "node:test";
import { connectBus } from "@millrace/bus";
import { inTransaction } from "@millrace/sql";
import { startTelemetry } from "@millrace/telemetry";
import { testDatabase, testNats, until } from "@millrace/testing";
import { type KV, Kvm } from "@nats-io/kv";
import { markKeys, OutboxLag, OutboxRelay, type Render } from "./mod.ts";

const silent = { info() {}, warn() {} };
const OUTBOX = `
  create table outbox (
    bucket text not null, key text not null, mark bigint not null default 1, marked_at timestamptz not null default now(),
    primary key (bucket, key));
  create table pets (name text primary key, size int not null)`;

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { sql, schema } = await testDatabase(t);
  await sql.unsafe(OUTBOX);
  const nats = await testNats(t);
  const connection = await connectBus(
    { url: nats.url, seed: nats.seed, identity: { service: "control-plane", id: "test" } },
    silent,
  );
  t.after(() => connection.close());
  const bucket = await new Kvm(connection).create("pets");
  const render: Render = async (key) => {
    const [row] = await sql<{ size: number }[]>`select size from pets where name = ${key}`;
    return row
      ? { before: [{ key: `part.${key}`, value: Buffer.from("part") }], value: Buffer.from(String(row.size)) }
      : {};
  };
  const lag = new OutboxLag();
  const onWritten = (waitedMs: number) => lag.written(waitedMs);
  const relay = () =>
    new OutboxRelay({ sql, schema, buckets: { pets: bucket }, renders: { pets: render }, onWritten, log: silent });
  const set = (name: string, size: number) =>
    inTransaction(sql, async (tx) => {
      await tx`insert into pets values (${name}, ${size}) on conflict (name) do update set size = excluded.size`;
      await markKeys(tx, [{ bucket: "pets", key: name }]);
    });
  return { sql, bucket, relay, lag, set, nats };
}

/** Stops before the test's own resources go away, which happens after its body. */
async function started(relay: OutboxRelay): Promise<AsyncDisposable> {
  await relay.start();
  return { [Symbol.asyncDispose]: () => relay.close() };
}

const shownAt = async (bucket: KV, key: string) => (await bucket.get(key))?.string();

test("a committed change reaches the bucket, parts first; a removed row leaves it", async (t) => {
  const { sql, bucket, relay, set } = await setUp(t);
  await using _running = await started(relay());
  await set("rex", 3);
  await until(async () => (await shownAt(bucket, "rex")) === "3", { timeoutMs: 2_000 });
  assert.equal(await shownAt(bucket, "part.rex"), "part");
  await inTransaction(sql, async (tx) => {
    await tx`delete from pets`;
    await markKeys(tx, [{ bucket: "pets", key: "rex" }]);
  });
  await until(async () => !(await shownAt(bucket, "rex")), { timeoutMs: 2_000 });
  assert.equal((await sql`select 1 from outbox`).length, 0);
});

test("a change that is rolled back is never shown", async (t) => {
  const { sql, bucket, relay, set } = await setUp(t);
  await using _running = await started(relay());
  const rolledBack = inTransaction(sql, async (tx) => {
    await tx`insert into pets values ('ghost', 1)`;
    await markKeys(tx, [{ bucket: "pets", key: "ghost" }]);
    throw new Error("no");
  });
  await assert.rejects(rolledBack);
  await set("rex", 1);
  await until(async () => (await shownAt(bucket, "rex")) === "1", { timeoutMs: 2_000 });
  assert.equal(await shownAt(bucket, "ghost"), undefined);
});

test("two relays and many writers end with what is committed", async (t) => {
  const { sql, bucket, relay, set } = await setUp(t);
  await using _first = await started(relay());
  await using _second = await started(relay());
  const names = ["a", "b", "c"];
  await Promise.all(Array.from({ length: 60 }, (_, i) => set(names[i % 3]!, i)));
  await until(async () => (await sql`select 1 from outbox`).length === 0, { timeoutMs: 10_000 });
  const rows = await sql<{ name: string; size: number }[]>`select name, size from pets`;
  for (const { name, size } of rows) assert.equal(await shownAt(bucket, name), String(size));
});

test("marks wait while NATS is away and are relayed when it is back", async (t) => {
  const { bucket, relay, set, nats } = await setUp(t);
  await using _running = await started(relay());
  await nats.server.stop();
  await set("rex", 9);
  await nats.server.start();
  await until(async () => (await shownAt(bucket, "rex").catch(() => "")) === "9", { timeoutMs: 15_000 });
});

test("what waits to be written, and how long it waited, is measured", async (t) => {
  const { sql, bucket, relay, lag, set } = await setUp(t);
  const telemetry = startTelemetry("test", {});
  t.after(() => telemetry.close());
  lag.register(telemetry, sql);
  const shown = async (name: string) =>
    Number(new RegExp(`^millrace_${name}\\{.*\\} (\\S+)$`, "m").exec(await telemetry.metrics())?.[1]);
  await set("rex", 1);
  await sql`update outbox set marked_at = now() - interval '7 seconds'`;
  assert.equal(await shown("outbox_marks"), 1);
  assert.ok((await shown("outbox_oldest_mark_seconds")) >= 7);
  await using _running = await started(relay());
  await until(async () => (await shownAt(bucket, "rex")) === "1", { timeoutMs: 2_000 });
  await until(async () => (await shown("outbox_marks")) === 0);
  assert.equal(await shown("outbox_oldest_mark_seconds"), 0);
  assert.equal(await shown("projection_lag_seconds_count"), 1);
  assert.ok((await shown("projection_lag_seconds_sum")) >= 7);
  await sql`alter table outbox rename to away`;
  assert.ok(Number.isNaN(await shown("outbox_marks")), "what is not known is not what it was");
});
