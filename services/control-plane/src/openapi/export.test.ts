import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Role } from "@millrace/proto/auth/v1/people";
import { ApiServiceService, Body, DocumentFormat, ImportOutcome } from "@millrace/proto/control/v1/apis";
import { AccessMode, GroupServiceService } from "@millrace/proto/control/v1/groups";
import { parse } from "yaml";
import { createApi, createGroup, createProject, mock, pathParameter } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";
import type { JsonObject } from "./document.ts";

const { client, auth, database } = await startControlPlane({ after });
await createProject(client, "shop");
const group = await createGroup(client, "shop", "store", { prefix: "v1" });
const parent = `${group.name}/revisions/0.0.1`;
const schema = JSON.stringify({ $ref: "#/$defs/Pet", $defs: { Pet: { type: "object" } } });
await createApi(client, parent, "getPet", {
  path: "/pets/{petId}",
  parameters: [pathParameter("petId")],
  responseBody: Body.create({ mediaType: "application/json", schema }),
  backend: mock(),
});
await createApi(client, parent, "putPet", {
  method: "PUT",
  path: "/pets/{id}",
  parameters: [pathParameter("id")],
  requestBody: Body.create({ mediaType: "text/csv", schema: "yes", example: "1;on", required: true }),
});
await createApi(client, parent, "allPets", { path: "/pets", match: 2 });

async function exportOf(
  request: { format?: DocumentFormat; environment?: string } = {},
  name = parent,
): Promise<string> {
  const { format = DocumentFormat.UNSPECIFIED, environment = "" } = request;
  return (await client.call(ApiServiceService.exportApis, { parent: name, format, environment })).document;
}

test("a revision is exported as YAML or JSON, which say the same, and the same each time", async () => {
  const yaml = await exportOf();
  const json = await exportOf({ format: DocumentFormat.JSON });
  assert.deepEqual(parse(yaml), JSON.parse(json));
  assert.equal(await exportOf({ format: DocumentFormat.YAML }), yaml);
  assert.match(yaml, /^openapi: 3\.1\.0\ninfo:\n {2}title: store\n {2}version: 0\.0\.1\n/);
});

test("what YAML readers of all ages could take for something else is quoted", async () => {
  const yaml = await exportOf();
  assert.match(yaml, /x-millrace-schema: "yes"/);
  assert.match(yaml, /"200":/);
});

test("an export says the group's access, prefix and backends, and the URLs of the environment that is asked for", async () => {
  const { servers, security, components, paths } = JSON.parse(
    await exportOf({ format: DocumentFormat.JSON, environment: "test" }),
  ) as Record<"servers" | "security" | "components" | "paths", JsonObject>;
  const urls = (servers as unknown as { url: string }[]).map(({ url }) => url);
  assert.equal(urls.length, 2);
  assert.match(urls[0]!, new RegExp(`^https?://${group.label}-test\\..*/v1$`));
  assert.match(urls[1]!, new RegExp(`/~${group.label}/test/v1$`));
  assert.deepEqual(security, [{ subscriptionKey: [] }, { signature: [] }]);
  assert.deepEqual(Object.keys(components.securitySchemes as object), ["subscriptionKey", "signature"]);
  assert.deepEqual(Object.keys(paths), ["/pets/*", "/pets/{petId}"]);
  const item = paths["/pets/{petId}"] as Record<string, JsonObject>;
  assert.deepEqual(item.get!["x-millrace-backend"], { mock: { status: 200, body: "ok" } });
  assert.equal(item.put!["x-millrace-path"], "/pets/{id}");
});

test("a copy of a revision is exported as its base is, but for its number", async () => {
  const copying = { parent: group.name, revisionId: "0.0.2", base: "", note: "", requestId: "" };
  const copy = await client.call(GroupServiceService.createRevision, copying);
  assert.equal((await exportOf({}, copy.name)).replace("0.0.2", "0.0.1"), await exportOf());
});

test("an open group's document asks for no credential", async () => {
  const open = await createGroup(client, "shop", "open", { access: AccessMode.NONE });
  const document = parse(await exportOf({}, `${open.name}/revisions/0.0.1`)) as JsonObject;
  assert.deepEqual([document.security, document.servers], [[], [{ url: "/", "x-millrace-platform": true }]]);
});

test("importing an export changes nothing and loses nothing, in either format", async () => {
  for (const format of [DocumentFormat.YAML, DocumentFormat.JSON]) {
    const document = await exportOf({ format, environment: "online" });
    const answer = await client.call(ApiServiceService.importApis, { parent, document, validateOnly: false });
    assert.deepEqual([answer.created, answer.updated, answer.deleted, answer.unchanged.length], [[], [], [], 3]);
    assert.deepEqual(
      answer.remarks.filter(({ outcome }) => outcome === ImportOutcome.NOT_CARRIED),
      [],
    );
  }
});

test("a definition that was kept before an API could say more is exported and imported as if it said it", async () => {
  const old = await createGroup(client, "shop", "old");
  const name = `${old.name}/revisions/0.0.1`;
  await createApi(client, name, "get", { path: "/{a}", parameters: [pathParameter("a")], backend: mock() });
  const kept = {
    method: "GET",
    path: "/{a}",
    match: "exact",
    description: "",
    parameters: [
      { name: "a", location: "path", type: "string", required: true, description: "", defaultJson: "", schemaJson: "" },
      {
        name: "b",
        location: "query",
        type: "array",
        required: false,
        description: "",
        defaultJson: "",
        schemaJson: "",
      },
    ],
    responseBody: { mediaType: "application/json", schema: '{"type":"object"}', required: false },
    backend: { kind: "mock", status: 200, headers: {}, body: "ok" },
  };
  await database.sql`update apis set definition = ${JSON.stringify(kept)}::text::jsonb where group_label = ${old.label}`;
  const document = await exportOf({}, name);
  const answer = await client.call(ApiServiceService.importApis, { parent: name, document, validateOnly: true });
  assert.deepEqual([answer.updated, answer.unchanged.length], [[], 1]);
  const { apis } = await client.call(ApiServiceService.listApis, { parent: name, pageSize: 0, pageToken: "" });
  assert.deepEqual([apis[0]?.definition?.responseStatus, apis[0]?.definition?.tags], ["200", []]);
});

test("viewers may export, strangers find no project, and what is not known is named", async () => {
  auth.addPerson("viewer");
  auth.grant("viewer", "shop", Role.VIEWER);
  const request = { parent, format: DocumentFormat.JSON, environment: "" };
  const { document } = await client.call(ApiServiceService.exportApis, request, { token: "viewer" });
  assert.match(document, /getPet/);
  await refused(client.call(ApiServiceService.exportApis, request, { token: "eve" }), "not_found", "project_not_found");
  await refusedFields(exportOf({ format: 9 as DocumentFormat, environment: "prod" }), ["format", "environment"]);
  await refused(exportOf({}, `${group.name}/revisions/9.9.9`), "not_found", "revision_not_found");
  await refused(exportOf({}, "projects/shop/groups/none/revisions/0.0.1"), "not_found", "group_not_found");
});

test("an API that only its id tells from a deleted one is a renamed one", async () => {
  const renamed = await createGroup(client, "shop", "renamed");
  const name = `${renamed.name}/revisions/0.0.1`;
  await createApi(client, name, "before", { path: "/a/{x}", parameters: [pathParameter("x")] });
  const paths = {
    "/a/{y}": {
      get: {
        operationId: "after",
        parameters: [{ name: "y", in: "path", required: true, schema: { type: "string" } }],
        responses: {},
      },
    },
  };
  const document = JSON.stringify({ openapi: "3.1.0", info: { title: "t", version: "1" }, paths });
  const answer = await client.call(ApiServiceService.importApis, { parent: name, document, validateOnly: true });
  assert.deepEqual(answer.renamed, [{ from: `${name}/apis/before`, to: `${name}/apis/after` }]);
});

test("schemas that nothing can be checked with are refused where they come in", async () => {
  const text = '{"type":"objekt"}';
  const draft = { path: "/bad", requestBody: Body.create({ mediaType: "application/json", schema: text }) };
  await refusedFields(createApi(client, parent, "bad", draft), ["definition.request_body.schema#/type"]);
  const content = { "application/json": { schema: JSON.parse(text) as object } };
  const document = JSON.stringify({
    openapi: "3.1.0",
    paths: { "/bad": { post: { requestBody: { content }, responses: {} } } },
  });
  const importing = client.call(ApiServiceService.importApis, { parent, document, validateOnly: true });
  const { violations } = await refused(importing, "invalid_argument", "document_invalid");
  assert.equal(violations[0]?.field, "#/paths/~1bad/post");
  assert.match(violations[0]!.description, /^request_body\.schema#\/type must be/);
});
