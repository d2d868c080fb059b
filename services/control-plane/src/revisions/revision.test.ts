import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { ApiDifference_Kind as Kind } from "@millrace/proto/control/v1/differences";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { createApi, createGroup, createProject, definitionWith, mock, release } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";
import { revisionNumber, revisionText } from "./revision.ts";

const { client } = await startControlPlane({ after });
await createProject(client, "shop");
const { createRevision, getRevision, listRevisions, updateRevision, deleteRevision } = GroupServiceService;

async function groupWithApi(id: string): Promise<string> {
  const { name } = await createGroup(client, "shop", id);
  await createApi(client, `${name}/revisions/0.0.1`, "getPet", { path: "/pets", backend: mock() });
  return name;
}

function create(parent: string, revision: { revisionId?: string; base?: string; note?: string } = {}) {
  const { revisionId = "", base = "", note = "" } = revision;
  return client.call(createRevision, { parent, revisionId, base, note, requestId: "" });
}

test("numbers carry at 999 and go to text and back", () => {
  for (const text of ["0.0.1", "0.0.999", "0.999.0", "999.999.999", "1.2.3"]) {
    assert.equal(revisionText(revisionNumber(text)), text);
  }
  assert.equal(revisionText(revisionNumber("0.0.999") + 1), "0.1.0");
  assert.equal(revisionText(revisionNumber("0.999.999") + 1), "1.0.0");
});

test("a new revision copies the newest under the next number, and its APIs keep their uids", async () => {
  const group = await groupWithApi("copying");
  const made = await create(group, { note: "next" });
  assert.deepEqual([made.name, made.base, made.note, made.apiCount], [`${group}/revisions/0.0.2`, "0.0.1", "next", 1]);
  const uidIn = async (revision: string) =>
    (await client.call(ApiServiceService.getApi, { name: `${group}/revisions/${revision}/apis/getPet` })).uid;
  assert.equal(await uidIn("0.0.2"), await uidIn("0.0.1"));
});

test("number and base can be chosen, and what does not exist or exists already is refused", async () => {
  const group = await groupWithApi("choosing");
  assert.equal((await create(group, { revisionId: "1.0.999", base: "0.0.1" })).base, "0.0.1");
  assert.equal((await create(group)).name, `${group}/revisions/1.1.0`);
  await refused(create(group, { revisionId: "1.1.0" }), "already_exists", "revision_exists");
  await refused(create(group, { revisionId: "2.0.0", base: "9.9.9" }), "not_found", "revision_not_found");
  await refusedFields(create(group, { revisionId: "1.0" }), ["revision_id"]);
  await refusedFields(create(group, { revisionId: "1.0.1000" }), ["revision_id"]);
  await refusedFields(create(group, { revisionId: "01.0.0" }), ["revision_id"]);
  await refusedFields(create(group, { note: "x".repeat(1_001) }), ["note"]);
  await create(group, { revisionId: "999.999.999" });
  await refusedFields(create(group), ["revision_id"]);
});

test("revisions made at once get different numbers", async () => {
  const group = await groupWithApi("racing");
  const made = await Promise.all([create(group), create(group), create(group)]);
  assert.deepEqual(made.map(({ name }) => name.split("/").at(-1)).toSorted(), ["0.0.2", "0.0.3", "0.0.4"]);
});

test("a deployed revision may change its note and nothing else, and the refusal names the way out", async () => {
  const group = await groupWithApi("deployed");
  const name = `${group}/revisions/0.0.1`;
  for (const environment of ["online", "test"]) await release(client, `${group}/deployments/${environment}`);
  const deployed = await client.call(getRevision, { name });
  assert.deepEqual(deployed.environments, ["test", "online"]);
  const api = { name: `${name}/apis/getPet`, etag: "" };
  const definition = definitionWith({ path: "/cats" });
  for (const edit of [
    () => createApi(client, name, "more", { path: "/more" }),
    () => client.call(ApiServiceService.updateApi, { ...api, definition }),
    () => client.call(ApiServiceService.deleteApi, api),
    () => client.call(deleteRevision, { name, etag: "" }),
  ]) {
    const error = await refused(edit(), "failed_precondition", "revision_deployed");
    assert.match(error.message, /test, online; create a new revision/);
  }
  const noted = await client.call(updateRevision, { name, note: "live", etag: deployed.etag });
  assert.equal(noted.note, "live");
  await refused(client.call(updateRevision, { name, note: "x", etag: deployed.etag }), "aborted", "etag_mismatch");
  for (const environment of ["online", "test"]) {
    await client.call(DeploymentServiceService.takeOffline, { name: `${group}/deployments/${environment}`, etag: "" });
  }
  await client.call(ApiServiceService.updateApi, { ...api, definition });
});

test("of a release and an edit at once, either the edit is in the release or it is refused", async () => {
  const group = await groupWithApi("guarded");
  const revision = `${group}/revisions/0.0.1`;
  const [released, edited] = await Promise.allSettled([
    release(client, `${group}/deployments/online`),
    createApi(client, revision, "late", { path: "/late", backend: mock() }),
  ]);
  assert.equal(released.status, "fulfilled");
  const count = released.status === "fulfilled" ? released.value.apis.length : 0;
  assert.equal(count, edited.status === "fulfilled" ? 2 : 1);
});

test("a revision is deleted with its APIs, but not the last one", async () => {
  const group = await groupWithApi("deleting");
  await create(group);
  await client.call(deleteRevision, { name: `${group}/revisions/0.0.1`, etag: "" });
  await refused(client.call(getRevision, { name: `${group}/revisions/0.0.1` }), "not_found", "revision_not_found");
  const last = client.call(deleteRevision, { name: `${group}/revisions/0.0.2`, etag: "" });
  await refused(last, "failed_precondition", "revision_is_last");
});

test("a list shows the highest number first, by pages", async () => {
  const parent = await groupWithApi("listing");
  for (const revisionId of ["0.2.0", "0.1.0", "1.0.0"]) await create(parent, { revisionId });
  const first = await client.call(listRevisions, { parent, pageSize: 3, pageToken: "" });
  const rest = await client.call(listRevisions, { parent, pageSize: 3, pageToken: first.nextPageToken });
  assert.deepEqual(
    [...first.revisions, ...rest.revisions].map(({ name }) => name.split("/").at(-1)),
    ["1.0.0", "0.2.0", "0.1.0", "0.0.1"],
  );
});

test("two revisions are compared API by API, by default with the one that was copied", async () => {
  const group = await groupWithApi("comparing");
  await create(group);
  const second = `${group}/revisions/0.0.2`;
  await createApi(client, second, "addPet", { method: "POST", path: "/pets", backend: mock() });
  const definition = definitionWith({ path: "/animals", backend: mock("two") });
  await client.call(ApiServiceService.updateApi, { name: `${second}/apis/getPet`, definition, etag: "" });
  const diff = (name: string, base = "") => client.call(GroupServiceService.diffRevisions, { name, base });
  const { base, apis } = await diff(second);
  assert.equal(base, "0.0.1");
  assert.deepEqual(
    apis.map(({ apiId, kind }) => [apiId, kind]),
    [
      ["addPet", Kind.ADDED],
      ["getPet", Kind.CHANGED],
    ],
  );
  assert.deepEqual(apis[1]!.fields, [
    { path: "backend.body", before: '"ok"', after: '"two"' },
    { path: "path", before: '"/pets"', after: '"/animals"' },
  ]);
  const back = await diff(`${group}/revisions/0.0.1`, "0.0.2");
  assert.deepEqual(
    back.apis.map(({ apiId, kind }) => [apiId, kind]),
    [
      ["addPet", Kind.REMOVED],
      ["getPet", Kind.CHANGED],
    ],
  );
  assert.deepEqual((await diff(second, "0.0.2")).apis, []);
  await refusedFields(diff(`${group}/revisions/0.0.1`), ["base"]);
  await refusedFields(diff(second, "1"), ["base"]);
  await refused(diff(second, "9.9.9"), "not_found", "revision_not_found");
});
