import assert from "node:assert/strict";
import { test } from "node:test";
import { startNameServer } from "@millrace/testing";
import { LIMITS } from "../limits.ts";
import { refused } from "../testing/expect.ts";
import { txtLookup } from "./txt-lookup.ts";

const NAME = "_millrace-challenge.api.shop.example";

test("the records of a name are found, in pieces or whole; a name without any has none", async (t) => {
  const server = await startNameServer(t);
  const find = txtLookup([server.address]);
  server.texts.set(NAME, ["one", "x".repeat(300)]);
  assert.deepEqual((await find(NAME, "shop")).toSorted(), ["one", "x".repeat(300)]);
  assert.deepEqual(await find("_millrace-challenge.other.example", "shop"), []);
  server.texts.set("empty.example", []);
  assert.deepEqual(await find("empty.example", "shop"), []);
});

test("a name server that fails is no proof that there is no record", async (t) => {
  const server = await startNameServer(t);
  server.texts.set("broken.example", "fails");
  await refused(txtLookup([server.address])("broken.example", "shop"), "unavailable", "name_servers_unavailable");
});

test("a silent name server is waited for so long; so many lookups wait at once, fewer of one project, and the next is refused", async (t) => {
  const server = await startNameServer(t);
  const find = txtLookup([server.address]);
  for (let i = 0; i < LIMITS.domain.lookups.max; i++) server.texts.set(`slow${i}.example`, "silent");
  const startedAt = performance.now();
  const silent = Array.from({ length: LIMITS.domain.lookups.max }, (_, i) =>
    refused(
      find(`slow${i}.example`, `p${i % (LIMITS.domain.lookups.max / 2)}`),
      "unavailable",
      "name_servers_unavailable",
    ),
  );
  await refused(find(NAME, "shop"), "resource_exhausted", "verifications_busy");
  const another = txtLookup([server.address]);
  const own = [0, 1].map((i) => refused(another(`slow${i}.example`, "p0"), "unavailable", "name_servers_unavailable"));
  await refused(another(NAME, "p0"), "resource_exhausted", "verifications_busy");
  assert.deepEqual(await another(NAME, "shop"), []);
  await Promise.all([...silent, ...own]);
  assert.ok(performance.now() - startedAt < LIMITS.domain.lookupTimeoutMs + 1_000);
  assert.deepEqual(await find(NAME, "shop"), []);
});
