import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { Role } from "@millrace/proto/auth/v1/people";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { createFunction, createGroup, createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, auth } = await startControlPlane({ after });
const as = (token: string) => ({ token });
const { getProject, listProjects, updateProject, deleteProject, createProject: create } = ProjectServiceService;

test("who makes a project owns it at once, and nobody else sees it", async () => {
  const project = await createProject(client, "mine");
  assert.equal(project.name, "projects/mine");
  assert.deepEqual(auth.asked.slice(-2), ["forgetProject projects/mine", "grantOwner projects/mine people/ada"]);
  assert.equal((await client.call(getProject, { name: "projects/mine" })).etag, project.etag);
  await refused(client.call(getProject, { name: "projects/mine" }, as("eve")), "not_found", "project_not_found");
  assert.equal((await client.call(getProject, { name: "projects/mine" }, as("root"))).name, "projects/mine");
});

test("a project that exists is refused to others, who gain nothing by asking", async () => {
  await createProject(client, "taken");
  const asked = auth.asked.length;
  await refused(createProject(client, "taken", as("eve")), "already_exists", "project_exists");
  assert.equal(auth.asked.length, asked);
  await refused(client.call(getProject, { name: "projects/taken" }, as("eve")), "not_found", "project_not_found");
});

test("of two who want the same project at once one gets it, and the other no role in it", async () => {
  const outcomes = await Promise.allSettled([createProject(client, "race"), createProject(client, "race", as("eve"))]);
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  assert.equal(auth.asked.filter((call) => call.startsWith("grantOwner projects/race ")).length, 1);
});

test("ids and display names outside their rules are refused by field", async () => {
  await refusedFields(createProject(client, "X"), ["project_id"]);
  await refusedFields(createProject(client, "a".repeat(33)), ["project_id"]);
  const long = { projectId: "fine", displayName: "x".repeat(101), requestId: "" };
  await refusedFields(client.call(create, long), ["display_name"]);
  await refusedFields(client.call(create, { ...long, displayName: "a\0b" }), ["display_name"]);
  await refusedFields(client.call(getProject, { name: "mine" }), ["name"]);
});

test("a repeated request answers as the first did, and its id is good for nothing else", async () => {
  const request = { projectId: "once", displayName: "Once", requestId: randomUUID() };
  const first = await client.call(create, request);
  assert.deepEqual(await client.call(create, request), first);
  await refused(client.call(create, { ...request, displayName: "Twice" }), "already_exists", "request_id_reused");
  await refusedFields(client.call(create, { ...request, requestId: "no-uuid" }), ["request_id"]);
});

test("a stale etag changes nothing", async () => {
  const { etag, name } = await createProject(client, "versions");
  const updated = await client.call(updateProject, { name, displayName: "New", etag });
  assert.equal(updated.displayName, "New");
  await refused(client.call(updateProject, { name, displayName: "Old", etag }), "aborted", "etag_mismatch");
  await refused(client.call(deleteProject, { name, etag }), "aborted", "etag_mismatch");
});

test("a viewer reads and a developer may not rename or delete", async () => {
  await createProject(client, "roles");
  auth.addPerson("vera");
  auth.grant("vera", "roles", Role.DEVELOPER);
  const name = "projects/roles";
  assert.equal((await client.call(getProject, { name }, as("vera"))).name, name);
  const change = { name, displayName: "x", etag: "" };
  await refused(client.call(updateProject, change, as("vera")), "permission_denied", "permission_denied");
  await refused(client.call(deleteProject, { name, etag: "" }, as("vera")), "permission_denied", "permission_denied");
});

test("a project is deleted only when it owns nothing, and auth forgets it", async () => {
  const { name } = await createProject(client, "full");
  await createFunction(client, "full", "f");
  await createGroup(client, "full", "g");
  const error = await refused(
    client.call(deleteProject, { name, etag: "" }),
    "failed_precondition",
    "project_not_empty",
  );
  assert.match(error.message, /1 functions and 1 API groups/);
  const { name: empty } = await createProject(client, "empty");
  await client.call(deleteProject, { name: empty, etag: "" });
  assert.equal(auth.asked.at(-1), "forgetProject projects/empty");
  await refused(client.call(getProject, { name: empty }, as("root")), "not_found", "project_not_found");
});

test("a list is paged by name and shows a person's own projects, an operator all", async () => {
  auth.addPerson("lea");
  for (const id of ["list-a", "list-b", "list-c"]) await createProject(client, id, as("lea"));
  const first = await client.call(listProjects, { pageSize: 2, pageToken: "" }, as("lea"));
  assert.deepEqual(
    first.projects.map(({ name }) => name),
    ["projects/list-a", "projects/list-b"],
  );
  const rest = await client.call(listProjects, { pageSize: 2, pageToken: first.nextPageToken }, as("lea"));
  assert.deepEqual([rest.projects.length, rest.nextPageToken], [1, ""]);
  assert.ok((await client.call(listProjects, { pageSize: 0, pageToken: "" }, as("root"))).projects.length > 3);
  await refusedFields(client.call(listProjects, { pageSize: 501, pageToken: "" }), ["page_size"]);
  const foreign = { pageSize: 2, pageToken: first.nextPageToken };
  await refusedFields(client.call(listProjects, foreign), ["page_token"]);
});

test("with auth away calls are unavailable, and no project is made", async () => {
  const alone = await startControlPlane({ after });
  await createProject(alone.client, "before");
  await alone.client.call(getProject, { name: "projects/before" });
  alone.auth.close();
  await refused(createProject(alone.client, "never"), "unavailable", "auth_unavailable");
  assert.equal((await alone.database.sql`select 1 from projects where id = 'never'`).length, 0);
  alone.clock.now = new Date(alone.clock.now.getTime() + 5_001);
  await refused(alone.client.call(getProject, { name: "projects/before" }), "unavailable", "auth_unavailable");
});
