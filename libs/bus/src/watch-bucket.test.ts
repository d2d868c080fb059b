import assert from "node:assert/strict";
import { test } from "node:test";
import { testNats, until } from "@millrace/testing";
import { connectBus, ensureBus, openBucket, watchBucket } from "./mod.ts";

const silent = { info() {}, warn() {} };

async function setUp(t: Parameters<typeof testNats>[0]) {
  const nats = await testNats(t);
  const identity = { service: "gateway", id: "gateway-1" } as const;
  const connection = await connectBus({ url: nats.url, seed: nats.seed, identity }, silent);
  await ensureBus(connection);
  const bucket = await openBucket(connection, "releases");
  const seen = new Map<string, string>();
  const handler = {
    onPut: (key: string, value: Uint8Array) => void seen.set(key, Buffer.from(value).toString()),
    onDelete: (key: string) => void seen.delete(key),
  };
  const watch = () => watchBucket(bucket, handler, silent);
  const dispose = async () => {
    await connection.close();
  };
  return { nats, connection, bucket, seen, watch, [Symbol.asyncDispose]: dispose };
}

test("what is there comes first, then every change and every deletion", async (t) => {
  await using setup = await setUp(t);
  const { bucket, seen, watch } = setup;
  await bucket.put("a", "1");
  const watcher = watch();
  await watcher.caughtUp;
  assert.deepEqual([...seen], [["a", "1"]]);
  await bucket.put("b", "2");
  await bucket.delete("a");
  await until(() => seen.get("b") === "2" && !seen.has("a"));
  watcher.close();
});

test("a restart of NATS is survived, and changes after it are heard", async (t) => {
  await using setup = await setUp(t);
  const { nats, bucket, seen, watch } = setup;
  const watcher = watch();
  await watcher.caughtUp;
  await nats.server.restart();
  await until(() => bucket.put("a", "1").then(() => true), { timeoutMs: 15_000 });
  await until(() => seen.get("a") === "1", { timeoutMs: 15_000 });
  watcher.close();
});

test("a bucket that was lost and made anew is followed, and what was known stays until it is deleted", async (t) => {
  await using setup = await setUp(t);
  const { connection, bucket, seen, watch } = setup;
  for (const key of ["a", "b", "c"]) await bucket.put(key, "old");
  const watcher = watch();
  await watcher.caughtUp;
  await connection.request("$JS.API.STREAM.DELETE.KV_releases");
  await ensureBus(connection);
  await bucket.put("a", "new");
  await until(() => seen.get("a") === "new", { timeoutMs: 15_000 });
  assert.equal(seen.get("b"), "old");
  await bucket.delete("b");
  await until(() => !seen.has("b"));
  assert.equal(seen.get("c"), "old");
  watcher.close();
});
