import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { freePort, testDatabase, until } from "@millrace/testing";
import {
  closeDatabase,
  createOnce,
  DatabaseProbe,
  forgetRequests,
  fromSqlError,
  inTransaction,
  migrate,
  migrateWhenReachable,
  openDatabase,
  query,
  violatedConstraint,
} from "./mod.ts";

async function migrations(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-migrations-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

test("two processes that start at once apply each migration once", async (t) => {
  const { sql, schema, url } = await testDatabase(t);
  await using closing = new AsyncDisposableStack();
  const second = closing.adopt(openDatabase({ url, schema }), closeDatabase);
  const folder = await migrations({
    "0001_create_pets.sql": "create table pets (id int);",
    "0002_add_name.sql": "alter table pets add name text;",
  });
  const applied = await Promise.all([migrate(sql, schema, folder), migrate(second, schema, folder)]);
  assert.deepEqual(applied.map((names) => names.length).toSorted(), [0, 2]);
});

test("a start waits for its database, its readiness follows it, and a stop ends the wait", async (t) => {
  const { url, schema } = await testDatabase(t);
  const behindDoor = new URL(url);
  const doorPort = await freePort();
  const { hostname, port } = behindDoor;
  behindDoor.port = String(doorPort);
  // Closed before the database behind the door goes, which happens after the test's body.
  await using closing = new AsyncDisposableStack();
  const sql = closing.adopt(openDatabase({ url: behindDoor.href, schema }), closeDatabase);
  const folder = await migrations({ "0001_create_pets.sql": "create table pets (id int);" });
  const { signal } = new AbortController();
  const probe = closing.adopt(new DatabaseProbe(sql, 10), (one) => one.close());

  await assert.rejects(migrateWhenReachable(sql, schema, folder, AbortSignal.abort()), { name: "AbortError" });
  const migrated = migrateWhenReachable(sql, schema, folder, signal);
  await until(() => !probe.reachable);
  const door = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far).pipe(near);
    // One that breaks ends no pipe.
    near.on("error", () => {}).on("close", () => far.destroy());
    far.on("error", () => {}).on("close", () => near.destroy());
  }).listen(doorPort, "127.0.0.1");
  closing.defer(() => void door.close());
  await once(door, "listening");
  assert.deepEqual(await migrated, ["0001_create_pets.sql"]);
  await until(() => probe.reachable);
});

test("a migration that fails leaves nothing behind, and a schema newer than the program is refused", async (t) => {
  const { sql, schema } = await testDatabase(t);
  const broken = await migrations({
    "0001_create_pets.sql": "create table pets (id int);",
    "0002_break.sql": "create tabel x;",
  });
  await assert.rejects(migrate(sql, schema, broken), /syntax error/);
  const [row] = await sql`select to_regclass('pets') as pets`;
  assert.equal(row?.pets, null);
  await migrate(sql, schema, await migrations({ "0001_create_pets.sql": "create table pets (id int);" }));
  await assert.rejects(
    migrate(sql, schema, await migrations({ "0002_other.sql": "" })),
    /newer version: it has 0001_create_pets/,
  );
});

test("a deadlock is tried again until both transactions succeed", async (t) => {
  const { sql } = await testDatabase(t);
  await sql`create table counters (id int primary key, value int not null)`;
  await sql`insert into counters values (1, 0), (2, 0)`;
  const firstLocks = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const raise = (own: number, other: number) =>
    inTransaction(sql, async (tx) => {
      await tx`update counters set value = value + 1 where id = ${own}`;
      firstLocks[own - 1]!.resolve();
      await firstLocks[other - 1]!.promise;
      await tx`update counters set value = value + 1 where id = ${other}`;
    });
  await Promise.all([raise(1, 2), raise(2, 1)]);
  const rows = await sql<{ value: number }[]>`select value from counters order by id`;
  assert.deepEqual(
    rows.map(({ value }) => value),
    [2, 2],
  );
});

test("database errors become the platform's, and name no table, statement or address", async (t) => {
  const { sql } = await testDatabase(t);
  await sql`create table pets (name text constraint pets_name unique)`;
  await sql`insert into pets values ('rex')`;
  const duplicate = await query(() => sql`insert into pets values ('rex')`).catch((error: PlatformError) => error);
  assert.ok(duplicate instanceof PlatformError);
  assert.equal(duplicate.code, "already_exists");
  assert.equal(violatedConstraint(duplicate), "pets_name");
  const nowhere = openDatabase({ url: "postgres://millrace:canary-90aa@127.0.0.1:1/x", schema: "x" });
  const unreachable = await query(() => nowhere`select 1`).catch((error: PlatformError) => error);
  await closeDatabase(nowhere);
  assert.ok(unreachable instanceof PlatformError);
  assert.equal(unreachable.code, "unavailable");
  for (const error of [duplicate, unreachable, fromSqlError(new Error("x"))]) {
    assert.doesNotMatch(error.message, /pets|insert|127\.0\.0\.1|canary/);
  }
});

const IDEMPOTENT_REQUESTS = `
  create table idempotent_requests (
    principal text not null, method text not null, request_id uuid not null,
    request_hash bytea not null, resource text not null, created_at timestamptz not null default now(),
    primary key (principal, method, request_id))`;

test("a repeated request id creates once, also when both arrive at the same time; another request is refused", async (t) => {
  const { sql } = await testDatabase(t);
  await sql.unsafe(IDEMPOTENT_REQUESTS);
  let created = 0;
  const ask = (request: string, principal = "people/ada") =>
    inTransaction(sql, (tx) =>
      createOnce(
        tx,
        { principal, method: "M", requestId: "0b9c5b1e-8f5d-4a3c-9f54-0f7a4d2f9a11", request: Buffer.from(request) },
        async () => `pets/${++created}`,
      ),
    );
  const answers = await Promise.all([ask("a"), ask("a")]);
  assert.deepEqual(
    answers.map(({ resource }) => resource),
    ["pets/1", "pets/1"],
  );
  assert.deepEqual(answers.map(({ repeated }) => repeated).toSorted(), [false, true]);
  await assert.rejects(ask("b"), { reason: "request_id_reused" });
  assert.equal((await ask("b", "people/eve")).resource, "pets/2");
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000);
  assert.deepEqual([await forgetRequests(sql, inHours(24)), await forgetRequests(sql, inHours(26))], [0, 2]);
});

test("a request id that is no UUID is refused by name", async (t) => {
  const { sql } = await testDatabase(t);
  const request = { principal: "p", method: "M", requestId: "1", request: Buffer.alloc(0) };
  await assert.rejects(
    inTransaction(sql, (tx) => createOnce(tx, request, async () => "x")),
    /request_id: must be a UUID/,
  );
});

test("a server that goes away right after it let a client in fails the query, not the process", async (t) => {
  const authenticated = Buffer.from("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", "latin1");
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write(authenticated, () => socket.once("data", () => socket.destroy())));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const sql = openDatabase({
    url: `postgres://a:b@127.0.0.1:${(server.address() as AddressInfo).port}/c`,
    schema: "d",
  });
  t.after(async () => {
    await sql.end({ timeout: 0 });
    server.close();
  });
  await assert.rejects(async () => sql`select 1`, { code: "CONNECTION_CLOSED" });
});

test("lists go to the server as arrays of their type, whatever they hold", async (t) => {
  const { sql } = await testDatabase(t);
  const texts = ["", "a,b", '"', "\\", "{}", "NULL", null, "é\n"];
  const [row] = await sql`
    select to_json(${texts}::text[]) as texts, to_json(${[1, -2]}::int[]) as ints, to_json(${["9007199254740993"]}::bigint[])::text as longs,
      (${["2026-01-02T03:04:05Z"]}::timestamptz[])[1] as time, 'b' = any(${["a", "b"]}) as found`;
  assert.deepEqual(row, {
    texts,
    ints: [1, -2],
    longs: "[9007199254740993]",
    time: new Date("2026-01-02T03:04:05Z"),
    found: true,
  });
});
