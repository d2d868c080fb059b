import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  DeploymentServiceService,
  type HistoryEntry,
  HistoryEntry_Kind as Kind,
} from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { LIMITS } from "../limits.ts";
import {
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
const service = DeploymentServiceService;
const { name: fn } = await createFunction(client, "shop", "pets");
await upload(client, fn);
for (const code of ["1", "2"]) {
  await upload(client, fn, `export const handler = ${code}`);
  await client.call(FunctionServiceService.publishVersion, { name: fn, description: "" });
}
const targets = (version: number) => [{ version, weight: 100 }];
const alias = { parent: fn, aliasId: "live", description: "", minInstances: 0, requestId: "" };
await client.call(FunctionServiceService.createAlias, { ...alias, targets: targets(1) });

async function groupOn(id: string): Promise<{ test: string; online: string }> {
  const { name } = await createGroup(client, "shop", id);
  await createApi(client, `${name}/revisions/0.0.1`, "get", { backend: functionBackend(fn, "live") });
  return { test: `${name}/deployments/test`, online: `${name}/deployments/online` };
}

const page = (parent: string, pageToken = "", pageSize = 0) =>
  client.call(service.listDeploymentHistory, { parent, pageSize, pageToken });
const words = ({ kind, release: number, revision, rollbackOf, detail }: HistoryEntry) =>
  [kind, number, revision, rollbackOf, detail] as const;

test("releases, rollbacks, moved aliases, offline and online are one history, newest first", async () => {
  const { online } = await groupOn("told");
  await release(client, online, { note: "first" });
  await release(client, online, { note: "second" });
  const once = { note: "", requestId: "", etag: "" };
  await client.call(service.rollback, { name: online, release: 1, ...once });
  const moved = { name: `${fn}/aliases/live`, description: undefined, etag: "", minInstances: undefined };
  await client.call(FunctionServiceService.updateAlias, { ...moved, targets: targets(2) });
  await client.call(service.takeOffline, { name: online, etag: "" });
  await client.call(service.bringOnline, { name: online, etag: "" });
  const { entries } = await page(online);
  assert.deepEqual(entries.map(words), [
    [Kind.BROUGHT_ONLINE, 0, "", 0, ""],
    [Kind.TAKEN_OFFLINE, 0, "", 0, ""],
    [Kind.ALIAS_MOVED, 0, "", 0, "pets@live to version 2 (100 %)"],
    [Kind.ROLLED_BACK, 3, "0.0.1", 1, ""],
    [Kind.RELEASED, 2, "0.0.1", 0, "second"],
    [Kind.RELEASED, 1, "0.0.1", 0, "first"],
  ]);
  assert.ok(entries.every(({ author, time }) => author === "ada@example.com" && time !== undefined));
});

test("pages hold every entry once while others come, also when many have the same instant", async () => {
  const { online } = await groupOn("paged");
  await release(client, online);
  const [{ label }] = await database.sql<[{ label: string }]>`select label from api_groups where id = 'paged'`;
  await database.sql`
    insert into deployment_events (group_label, environment, kind, detail, author, created_at)
    select ${label}, 'online', 'alias_moved', 'm' || n, 'a', date_trunc('second', now()) + (n / 4) * interval '1 microsecond'
    from generate_series(1, 9) n`;
  const whole = (await page(online)).entries;
  assert.equal(whole.length, 10);
  const seen: HistoryEntry[] = [];
  let pageToken = "";
  do {
    const next = await page(online, pageToken, 3);
    seen.push(...next.entries);
    pageToken = next.nextPageToken;
    await client.call(service.takeOffline, { name: online, etag: "" });
    await client.call(service.bringOnline, { name: online, etag: "" });
  } while (pageToken !== "");
  assert.deepEqual(seen, whole);
  await refusedFields(page(online, "x"), ["page_token"]);
  await refusedFields(page(online, "", 501), ["page_size"]);
});

test("many are taken offline at once, each by itself", async () => {
  const one = await groupOn("batch-1");
  const other = await groupOn("batch-2");
  await release(client, one.online);
  await release(client, other.online);
  const take = (names: string[], parent = "projects/shop", token = "ada") =>
    client.call(service.batchTakeOffline, { parent, names }, { token });
  const missing = "projects/shop/groups/none/deployments/online";
  const { outcomes } = await take([one.online, one.test, missing, other.online]);
  assert.deepEqual(
    outcomes.map(({ name, reason }) => [name, reason]),
    [
      [one.online, ""],
      [one.test, "deployment_unreleased"],
      [missing, "group_not_found"],
      [other.online, ""],
    ],
  );
  const { state } = await client.call(service.getDeployment, { name: other.online });
  assert.equal(state, 3);
  await refusedFields(take([]), ["names"]);
  await refusedFields(take(Array.from({ length: LIMITS.batchMax + 1 }, () => one.online)), ["names"]);
  await refusedFields(take(["x"]), ["names[0]"]);
  await createProject(client, "eves", { token: "eve" });
  await refusedFields(take([one.online], "projects/eves", "eve"), ["names[0]"]);
  await refused(take([one.online], "projects/shop", "eve"), "not_found", "project_not_found");
});

test("the history of what is not there is not found", async () => {
  await refused(page("projects/shop/groups/none/deployments/online"), "not_found", "group_not_found");
});
