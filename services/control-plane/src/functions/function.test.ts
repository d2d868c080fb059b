import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { Egress_Mode as EgressMode, FunctionServiceService } from "@millrace/proto/control/v1/functions";
import {
  configWith,
  createApi,
  createFunction,
  createGroup,
  createProject,
  functionBackend,
  release,
  upload,
} from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startTestBuilder } from "../testing/test-builder.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, database } = await startControlPlane({ after });
startTestBuilder(bus);
await createProject(client, "shop");
const { getFunction, updateFunction, deleteFunction, listFunctions, publishVersion } = FunctionServiceService;
const update = { description: undefined, config: undefined, etag: "" };
const create = (config: Parameters<typeof configWith>[0], functionId = "refused") =>
  createFunction(client, "shop", functionId, config);

test("a function starts without code and with the defaults", async () => {
  const made = await createFunction(client, "shop", "defaults");
  assert.deepEqual(made.config, configWith({ memoryMib: 128, timeoutMs: 10_000 }));
  assert.equal(made.code, undefined);
  assert.equal(made.latestVersion, 0);
  await refused(createFunction(client, "shop", "defaults"), "already_exists", "function_exists");
});

test("every failing field of a configuration is named in one answer", async () => {
  const environment = { "1x": "v", MILLRACE_X: "v", EMPTY: "", [`L${"x".repeat(64)}`]: "v", FINE: "v" };
  const config = { handler: "a b", memoryMib: 127, timeoutMs: 300_001, concurrency: 101, environment };
  await refusedFields(
    create({ ...config, maxConcurrencyPerRunner: 1_001, secrets: { FINE: "again", NODE_OPTIONS: "x", GONE: "" } }),
    [
      "config.handler",
      "config.memory_mib",
      "config.timeout_ms",
      "config.concurrency",
      "config.max_concurrency_per_runner",
      "config.environment.1x",
      "config.environment.EMPTY",
      `config.environment.L${"x".repeat(63)}`,
      "config.environment.MILLRACE_X",
      "config.secrets.FINE",
      "config.secrets.GONE",
      "config.secrets.NODE_OPTIONS",
    ],
  );
  await refusedFields(create({}, "1st"), ["function_id"]);
});

test("a configuration at its bounds is accepted, and one beyond them is not", async () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`K${i}`, "v"]));
  const value = "x".repeat(4_096);
  const most = { memoryMib: 1_024, timeoutMs: 300_000, concurrency: 100, maxConcurrencyPerRunner: 1_000 };
  const edge = await create({ ...most, environment: { ...many(127), BIG: value } }, "edge");
  assert.deepEqual([edge.config?.environment.BIG, edge.config?.maxConcurrencyPerRunner], [value, 1_000]);
  await refusedFields(create({ environment: many(129) }), ["config.environment"]);
  await refusedFields(create({ environment: { BIG: `${value}x` } }), ["config.environment.BIG"]);
  await refusedFields(create({ memoryMib: 1_025 }), ["config.memory_mib"]);
  await refusedFields(create({ timeoutMs: 99 }), ["config.timeout_ms"]);
  await refusedFields(create({ environment: { NUL: "a\0b" } }), ["config.environment.NUL"]);
});

test("where a function may connect to is kept in one way to write it, and an entry that is none is named", async () => {
  const { HOSTS, NONE, HTTP, UNSPECIFIED } = EgressMode;
  const hosts = ["DB.example.com.:5432", "db.example.com:5432", "*.Example.com:443", "[::0001]:6379"];
  const listed = await create({ egress: { mode: HOSTS, hosts } }, "listed");
  const kept = ["db.example.com:5432", "*.example.com:443", "[::1]:6379"];
  assert.deepEqual(listed.config?.egress, { mode: HOSTS, hosts: kept });
  const none = await create({ egress: { mode: NONE, hosts: [] } }, "shut");
  assert.deepEqual(none.config?.egress, { mode: NONE, hosts: [] });
  const unspecified = await create({ egress: { mode: UNSPECIFIED, hosts: [] } }, "open");
  assert.deepEqual(unspecified.config?.egress, { mode: HTTP, hosts: [] });
  const field = "config.egress.hosts";
  const many = Array.from({ length: 33 }, (_, i) => `h${i}.example.com:443`);
  await refusedFields(create({ egress: { mode: HOSTS, hosts: ["a.example", "a:0", "ok:1"] } }), [
    `${field}[0]`,
    `${field}[1]`,
  ]);
  await refusedFields(create({ egress: { mode: HOSTS, hosts: [] } }), [field]);
  await refusedFields(create({ egress: { mode: HOSTS, hosts: many } }), [field]);
  await refusedFields(create({ egress: { mode: HTTP, hosts: ["a:1"] } }), [field]);
  assert.equal(
    (await create({ egress: { mode: HOSTS, hosts: many.slice(1) } }, "most")).config?.egress?.hosts.length,
    32,
  );
});

test("a secret is shown by its key only, and is stored where nobody here can read it", async () => {
  const canary = "canary-c0ffee-42";
  const made = await create({ secrets: { TOKEN: canary } }, "secretive");
  assert.deepEqual(made.config?.secrets, { TOKEN: "" });
  const [row] = await database.sql<
    { text: string }[]
  >`select functions::text as text from functions where id = 'secretive'`;
  assert.ok(!row!.text.includes(canary) && !row!.text.includes(Buffer.from(canary).toString("base64")));
});

test("an update replaces the configuration, and an empty secret keeps its value", async () => {
  const { name } = await create({ environment: { A: "1" }, secrets: { OLD: "x", KEPT: "y" } }, "changing");
  const sealedOf = async () => {
    const [row] = await database.sql<
      { text: string }[]
    >`select config::text as text from functions where id = 'changing'`;
    return (JSON.parse(row!.text) as { sealedSecrets: Record<string, string> }).sealedSecrets;
  };
  const before = await sealedOf();
  const config = configWith({ memoryMib: 256, environment: { under_score: "1" }, secrets: { KEPT: "", NEW: "z" } });
  const updated = await client.call(updateFunction, { ...update, name, description: "d", config });
  assert.equal(updated.description, "d");
  assert.deepEqual(updated.config?.environment, { under_score: "1" });
  assert.deepEqual(updated.config?.secrets, { KEPT: "", NEW: "" });
  const sealed = await sealedOf();
  assert.equal(sealed.KEPT, before.KEPT);
  assert.deepEqual(Object.keys(sealed).toSorted(), ["KEPT", "NEW"]);
});

test("a stale etag, a missing function and a foreign project are told apart", async () => {
  const { name, etag } = await createFunction(client, "shop", "etags");
  await client.call(updateFunction, { ...update, name, description: "new", etag });
  await refused(client.call(updateFunction, { ...update, name, description: "old", etag }), "aborted", "etag_mismatch");
  await refused(client.call(deleteFunction, { name, etag }), "aborted", "etag_mismatch");
  const missing = { name: "projects/shop/functions/none" };
  await refused(client.call(getFunction, missing), "not_found", "function_not_found");
  await refused(client.call(getFunction, { name }, { token: "eve" }), "not_found", "project_not_found");
  const nowhere = { parent: "projects/none", pageSize: 0, pageToken: "" };
  await refused(client.call(listFunctions, nowhere, { token: "root" }), "not_found", "project_not_found");
});

test("a repeated create answers the same function", async () => {
  const request = {
    parent: "projects/shop",
    functionId: "once",
    description: "",
    config: undefined,
    requestId: randomUUID(),
  };
  const first = await client.call(FunctionServiceService.createFunction, request);
  assert.deepEqual(await client.call(FunctionServiceService.createFunction, request), first);
});

test("a list is paged by id, stable while others are made and deleted", async () => {
  await createProject(client, "pages");
  for (const id of ["a", "b", "c", "d"]) await createFunction(client, "pages", id);
  const parent = "projects/pages";
  const first = await client.call(listFunctions, { parent, pageSize: 2, pageToken: "" });
  await client.call(deleteFunction, { name: `${parent}/functions/a`, etag: "" });
  await createFunction(client, "pages", "aa");
  const second = await client.call(listFunctions, { parent, pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual(
    second.functions.map(({ name }) => name.at(-1)),
    ["c", "d"],
  );
  assert.equal(second.nextPageToken, "");
  await refusedFields(
    client.call(listFunctions, { parent: "projects/shop", pageSize: 2, pageToken: first.nextPageToken }),
    ["page_token"],
  );
});

test("a function that APIs or releases use is not deleted, and the answer names them", async () => {
  const { name } = await createFunction(client, "shop", "used");
  await upload(client, name);
  await createGroup(client, "shop", "store");
  const group = "projects/shop/groups/store";
  await createApi(client, `${group}/revisions/0.0.1`, "getPet", { backend: functionBackend(name) });
  await release(client, `${group}/deployments/online`);
  const error = await refused(
    client.call(deleteFunction, { name, etag: "" }),
    "failed_precondition",
    "function_in_use",
  );
  assert.match(error.message, /store 0\.0\.1 getPet.*store online \(release 1\)/);
});

test("code that was tried with another handler does not count until it is uploaded again", async () => {
  const { name } = await createFunction(client, "shop", "rehandled");
  assert.ok((await upload(client, name)).code);
  const renamed = await client.call(updateFunction, { ...update, name, config: configWith({ handler: "other" }) });
  assert.equal(renamed.code, undefined);
  const publish = client.call(publishVersion, { name, description: "" });
  assert.match((await refused(publish, "failed_precondition", "function_has_no_code")).message, /upload it again/);
  assert.ok((await upload(client, name)).code);
});

test("functions are found by a part of their id or description", async () => {
  await createProject(client, "search");
  const parent = "projects/search";
  const make = (functionId: string, description: string) =>
    client.call(FunctionServiceService.createFunction, {
      parent,
      functionId,
      description,
      config: undefined,
      requestId: "",
    });
  await make("Orders", "");
  await make("pets", "of ORDERs, 100%");
  await make("plain", "");
  const list = (search: string, pageToken = "", pageSize = 0) =>
    client.call(listFunctions, { parent, pageSize, pageToken, search });
  const found = async (search: string) => (await list(search)).functions.map(({ name }) => name.split("/").at(-1));
  assert.deepEqual(await found("order"), ["Orders", "pets"]);
  assert.deepEqual(await found("%"), ["pets"]);
  assert.deepEqual(await found(""), ["Orders", "pets", "plain"]);
  await refusedFields(list("x".repeat(101)), ["search"]);
  await refusedFields(list("\0"), ["search"]);
  const { nextPageToken } = await list("order", "", 1);
  await refusedFields(list("", nextPageToken), ["page_token"]);
});
