import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { KEYS, packRecord, unpackRecord } from "@millrace/bus";
import { ApiServiceService, MatchType } from "@millrace/proto/control/v1/apis";
import { DeploymentServiceService, DeploymentState, type RoutingRule } from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import {
  DeploymentRecord,
  DeploymentRecord_State,
  DeploymentSnapshot,
  type Route,
} from "@millrace/proto/release/v1/release";
import { until } from "@millrace/testing";
import {
  createApi,
  createFunction,
  createGroup,
  createProject,
  definitionWith,
  functionBackend,
  http,
  mock,
  pathParameter,
  release,
  upload,
} from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startTestBuilder } from "../testing/test-builder.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, auth, bus, bucket } = await startControlPlane({ after });
startTestBuilder(bus);
await createProject(client, "shop");
const releases = await bucket("releases");
const service = DeploymentServiceService;

async function groupWithMock(id: string, prefix = "") {
  const group = await createGroup(client, "shop", id, { prefix });
  const revision = `${group.name}/revisions/0.0.1`;
  await createApi(client, revision, "ping", { path: "/ping", backend: mock("one") });
  return { ...group, revision, online: `${group.name}/deployments/online` };
}

async function functionWithCode(id: string): Promise<string> {
  const { name } = await createFunction(client, "shop", id);
  await upload(client, name);
  return name;
}

/** The record and the snapshot once the bus shows `number`. */
async function served(hostLabel: string, number: number) {
  const record = await until(async () => {
    const entry = await releases.get(KEYS.deployment(hostLabel));
    const found = entry?.operation === "PUT" ? DeploymentRecord.decode(unpackRecord(entry.value)) : undefined;
    return found?.release === number && found;
  });
  const parts: Uint8Array[] = [];
  for (let i = 0; i < record.snapshotParts; i++) {
    parts.push((await releases.get(KEYS.snapshotPart(record.snapshotDigest, i)))!.value);
  }
  return { record, snapshot: DeploymentSnapshot.decode(unpackRecord(Buffer.concat(parts))) };
}

function targetText(backend: NonNullable<Route["backend"]>) {
  if (backend.$case === "function") return backend.value.target?.value;
  return backend.$case === "mock" ? backend.value.body.toString() : backend.value.url;
}

test("an API that maps its request for an http backend is not released with a function behind it", async () => {
  const fn = await functionWithCode("unmapped");
  const { revision, online } = await groupWithMock("unmapped");
  const backendRequest = { method: "POST", path: "/other", parameters: [], constants: [] };
  await createApi(client, revision, "mapped", { path: "/mapped", backendRequest });
  const releasing = release(client, online, { environmentBackend: functionBackend(fn) });
  await refused(releasing, "failed_precondition", "backend_unresolved");
  await release(client, online, { environmentBackend: http("http://api.example.com") });
});

test("rules go with the release, are kept by the next one, and hold for APIs without a backend of their own", async () => {
  const fn = await functionWithCode("ruled");
  const { label, revision, online } = await groupWithMock("ruled");
  await createApi(client, revision, "routed", { path: "/routed" });
  const rules: RoutingRule[] = [
    { name: "canary", headers: [{ name: "X-Canary", value: "1" }], query: [], backend: functionBackend(fn) },
    { name: "beta", headers: [], query: [{ name: "v", value: "2" }], backend: http("http://beta.example.com") },
  ];
  const environmentBackend = http("http://api.example.com");
  const first = await release(client, online, { environmentBackend, routingRules: { rules } });
  assert.deepEqual(
    first.routingRules?.rules.map(({ name, headers }) => [name, headers]),
    [
      ["canary", [{ name: "x-canary", value: "1" }]],
      ["beta", []],
    ],
  );
  const { snapshot } = await served(label, 1);
  assert.deepEqual(snapshot.routes.map(({ apiName, hasRules }) => [apiName, hasRules]).toSorted(), [
    ["ping", false],
    ["routed", true],
  ]);
  const targets = snapshot.routingRules.map(({ name, backend }) => [name, backend && targetText(backend)]);
  assert.deepEqual(targets, [
    ["canary", 1],
    ["beta", "http://beta.example.com"],
  ]);
  const deleting = client.call(FunctionServiceService.deleteFunction, { name: fn, etag: "" });
  await refused(deleting, "failed_precondition", "function_in_use");
  assert.equal((await release(client, online)).routingRules?.rules.length, 2);
  assert.equal((await release(client, online, { routingRules: { rules: [] } })).routingRules?.rules.length, 0);
  const rollback = { name: online, release: 1, note: "", requestId: "", etag: "" };
  assert.equal((await client.call(service.rollback, rollback)).routingRules?.rules.length, 2);
});

test("every fault of rules is named, and nothing is released", async () => {
  const { online } = await groupWithMock("faulty-rules");
  const backend = mock();
  const condition = { name: "x", value: "1" };
  const rule = (fields: Partial<RoutingRule>): RoutingRule => ({
    name: "r",
    headers: [condition],
    query: [],
    backend,
    ...fields,
  });
  const many = Array.from({ length: 21 }, (_, i) => ({ name: `q${i}`, value: "1" }));
  const rules = [
    rule({ name: "" }),
    rule({ headers: [] }),
    rule({ name: "many", query: many }),
    rule({ name: "twice", headers: [condition, { name: "X", value: "2" }] }),
    rule({ name: "unseen", headers: [{ name: "Authorization", value: "x" }] }),
    rule({ name: "no-value", headers: [{ name: "x", value: "" }] }),
    rule({ name: "crlf", query: [{ name: "q", value: "a\r\nb" }] }),
    rule({ name: "no-value", backend: undefined }),
    rule({ name: "foreign", backend: functionBackend("projects/other/functions/f") }),
  ];
  const at = (path: string) => `routing_rules.rules${path}`;
  await refusedFields(release(client, online, { routingRules: { rules } }), [
    at("[0].name"),
    at("[1]"),
    at("[2]"),
    at("[3].headers[1].name"),
    at("[4].headers[0]"),
    at("[5].headers[0]"),
    at("[6].query[0]"),
    at("[7].name"),
    at("[7].backend"),
    at("[8].backend.function.function"),
  ]);
  const tooMany = Array.from({ length: 21 }, (_, i) => rule({ name: `r${i}` }));
  await refusedFields(release(client, online, { routingRules: { rules: tooMany } }), ["routing_rules.rules"]);
});

test("a release signs with access keys of the same project only, and each backend at fault is named", async () => {
  const { online } = await groupWithMock("signing");
  auth.addAccessKey("shop", "MRSHOP");
  auth.addAccessKey("other", "MROTHER");
  const rule = (name: string, key: string): RoutingRule => {
    const backend = http("http://beta.example.com", key);
    return { name, headers: [], query: [{ name: "v", value: name }], backend };
  };
  const asked = (key: string) => ({
    environmentBackend: http("http://api.example.com", key),
    routingRules: { rules: [rule("own", "MRSHOP"), rule("one", key)] },
  });
  const fields = ["environment_backend.http.signing_key", "routing_rules.rules[1].backend.http.signing_key"];
  await refusedFields(release(client, online, asked("MROTHER")), fields);
  const difference = { name: online, revision: "0.0.1", ...asked("MROTHER") };
  await refusedFields(client.call(service.diffRelease, difference), fields);
  assert.equal((await release(client, online, asked("MRSHOP"))).number, 1);
});

test("what is released is what gateways read: prefix, routes, backends, owner", async () => {
  const fn = await functionWithCode("served");
  const targets = [{ version: 1, weight: 100 }];
  await client.call(FunctionServiceService.publishVersion, { name: fn, description: "" });
  await client.call(FunctionServiceService.createAlias, {
    parent: fn,
    aliasId: "live",
    targets,
    description: "",
    minInstances: 0,
    requestId: "",
  });
  const { label, revision, online } = await groupWithMock("served", "v1");
  const parameters = [pathParameter("id")];
  await createApi(client, revision, "pinned", { path: "/pets/{id}", parameters, backend: functionBackend(fn, "1") });
  await createApi(client, revision, "aliased", { method: "POST", path: "/pets", backend: functionBackend(fn, "live") });
  await createApi(client, revision, "root", { path: "/", match: MatchType.PREFIX, backend: functionBackend(fn) });
  const mapping = { method: "POST", path: "/other", parameters: [], constants: [] };
  await createApi(client, revision, "served", { path: "/served", backendRequest: mapping });
  const environmentBackend = http("http://api.example.com/v2/");
  const made = await release(client, online, { note: "first", environmentBackend });
  assert.deepEqual([made.name, made.number, made.revision, made.note], [`${online}/releases/1`, 1, "0.0.1", "first"]);
  const { record, snapshot } = await served(label, 1);
  assert.deepEqual(
    [record.deployment, record.environment, record.state],
    [online, "online", DeploymentRecord_State.SERVING],
  );
  assert.deepEqual([snapshot.groupName, snapshot.revision, snapshot.prefix], ["served", "0.0.1", "/v1"]);
  assert.equal(Buffer.from(snapshot.ownerPin, "base64").toString(), "shop");
  const routes = snapshot.routes.map(({ apiName, method, path, prefixMatch, backend }) => {
    const target = backend && targetText(backend);
    return [apiName, method, path, prefixMatch, target];
  });
  assert.deepEqual(routes.toSorted(), [
    ["aliased", "POST", "/v1/pets", false, "live"],
    ["ping", "GET", "/v1/ping", false, "one"],
    ["pinned", "GET", "/v1/pets/{id}", false, 1],
    ["root", "GET", "/v1", true, 1],
    ["served", "GET", "/v1/served", false, "http://api.example.com/v2"],
  ]);
  const value = { url: "http://api.example.com/v2", timeoutMs: 10_000, retries: 1, forwardHost: false, signingKey: "" };
  const proxied = snapshot.routes.find(({ apiName }) => apiName === "served")!;
  assert.deepEqual([proxied.backend, proxied.mapping], [{ $case: "http", value }, mapping]);
  assert.deepEqual(made.environmentBackend, { kind: { $case: "http", value } });
  assert.deepEqual(
    made.apis.map(({ apiId, backend }) => `${apiId} ${backend}`),
    ["aliased served@live", "ping mock", "pinned served@1", "root served@1", "served http://api.example.com/v2"],
  );
});

test("LATEST is published and pinned, so that a later upload changes nothing that is served", async () => {
  const fn = await functionWithCode("latest");
  const { name, label, revision, online } = await groupWithMock("latest");
  await createApi(client, revision, "f", { path: "/f", backend: functionBackend(fn) });
  assert.equal((await release(client, online)).apis.find(({ apiId }) => apiId === "f")?.backend, "latest@1");
  await upload(client, fn, "export const handler = 2");
  assert.equal((await client.call(FunctionServiceService.getFunction, { name: fn })).latestVersion, 1);
  assert.equal(
    (await release(client, `${name}/deployments/test`)).apis.find(({ apiId }) => apiId === "f")?.backend,
    "latest@2",
  );
  const { snapshot } = await served(label, 1);
  const backend = snapshot.routes.find(({ apiName }) => apiName === "f")?.backend;
  assert.equal(backend?.$case === "function" && backend.value.target?.value, 1);
});

test("an empty revision, an unresolved backend and a function without code are refused, and nothing is served", async () => {
  const { name } = await createGroup(client, "shop", "refused");
  const online = `${name}/deployments/online`;
  const revision = `${name}/revisions/0.0.1`;
  await refused(release(client, online), "failed_precondition", "revision_empty");
  await refused(release(client, online, { revision: "9.9.9" }), "not_found", "revision_not_found");
  await refusedFields(release(client, online, { revision: "" }), ["revision"]);
  await refusedFields(release(client, `${name}/deployments/production`), ["name"]);
  await refused(release(client, "projects/shop/groups/none/deployments/online"), "not_found", "group_not_found");
  const fn = await createFunction(client, "shop", "codeless");
  await createApi(client, revision, "bare", { path: "/bare" });
  await createApi(client, revision, "gone", { path: "/gone", backend: functionBackend(fn.name, "7") });
  await createApi(client, revision, "lost", { path: "/lost", backend: functionBackend(fn.name, "nobody") });
  const unresolved = await refused(release(client, online), "failed_precondition", "backend_unresolved");
  for (const api of ["bare", "gone", "lost"]) assert.match(unresolved.message, new RegExp(`${api} `));
  for (const api of ["gone", "lost"]) {
    await client.call(ApiServiceService.deleteApi, { name: `${revision}/apis/${api}`, etag: "" });
  }
  const codeless = release(client, online, { environmentBackend: functionBackend(fn.name) });
  await refused(codeless, "failed_precondition", "function_has_no_code");
  const deployment = await client.call(service.getDeployment, { name: online });
  assert.deepEqual([deployment.state, deployment.release], [DeploymentState.UNRELEASED, 0]);
});

test("the environment's backend serves APIs that have none, and is remembered for the next release", async () => {
  const { name } = await createGroup(client, "shop", "environment");
  const online = `${name}/deployments/online`;
  await createApi(client, `${name}/revisions/0.0.1`, "own", { path: "/own", backend: mock("own") });
  await createApi(client, `${name}/revisions/0.0.1`, "none", { path: "/none" });
  await refused(release(client, online), "failed_precondition", "backend_unresolved");
  const first = await release(client, online, { environmentBackend: mock("theirs") });
  assert.deepEqual(first.environmentBackend?.kind?.$case, "mock");
  const second = await release(client, online);
  assert.deepEqual(second.environmentBackend, first.environmentBackend);
  const wrong = release(client, online, { environmentBackend: functionBackend("projects/other/functions/f") });
  await refusedFields(wrong, ["environment_backend.function.function"]);
});

test("a release never changes: editing what it was made from shows in the next one only", async () => {
  const { name, label, online } = await groupWithMock("frozen");
  const first = await release(client, online);
  await client.call(GroupServiceService.createRevision, {
    parent: name,
    revisionId: "",
    base: "",
    note: "",
    requestId: "",
  });
  const api = `${name}/revisions/0.0.2/apis/ping`;
  const definition = definitionWith({ path: "/pong", backend: mock("two") });
  await client.call(ApiServiceService.updateApi, { name: api, definition, etag: "" });
  await client.call(GroupServiceService.updateGroup, {
    name,
    description: undefined,
    prefix: "v2",
    access: 0,
    etag: "",
  });
  assert.deepEqual(await client.call(service.getRelease, { name: first.name }), first);
  assert.equal((await served(label, 1)).snapshot.routes[0]?.path, "/ping");
  await release(client, online, { revision: "0.0.2" });
  assert.equal((await served(label, 2)).snapshot.routes[0]?.path, "/v2/pong");
});

test("a rollback serves the earlier snapshot as a new release", async () => {
  const { name, label, online } = await groupWithMock("rollback");
  const rollback = (number: number) =>
    client.call(service.rollback, { name: online, release: number, note: "back", requestId: "", etag: "" });
  await refused(rollback(0), "failed_precondition", "deployment_unreleased");
  await release(client, online);
  await refused(rollback(0), "failed_precondition", "nothing_to_roll_back_to");
  const first = await served(label, 1);
  await client.call(GroupServiceService.createRevision, {
    parent: name,
    revisionId: "",
    base: "",
    note: "",
    requestId: "",
  });
  const definition = definitionWith({ path: "/pong", backend: mock("two") });
  await client.call(ApiServiceService.updateApi, { name: `${name}/revisions/0.0.2/apis/ping`, definition, etag: "" });
  await release(client, online, { revision: "0.0.2" });
  const back = await rollback(0);
  assert.deepEqual([back.number, back.rollbackOf, back.revision, back.note], [3, 1, "0.0.1", "back"]);
  assert.equal((await served(label, 3)).record.snapshotDigest, first.record.snapshotDigest);
  assert.equal((await client.call(service.getDeployment, { name: online })).revision, "0.0.1");
  await refused(rollback(0), "failed_precondition", "nothing_to_roll_back_to");
  await release(client, online, { revision: "0.0.2" });
  const again = await rollback(0);
  assert.deepEqual([again.number, again.rollbackOf, again.revision], [5, 1, "0.0.1"]);
  await refused(rollback(9), "not_found", "release_not_found");
  await refusedFields(rollback(-1), ["release"]);
});

test("a rollback to what has been deleted since is refused", async () => {
  const fn = await functionWithCode("deleted");
  const { name } = await createGroup(client, "shop", "deleted");
  const revision = `${name}/revisions/0.0.1`;
  const online = `${name}/deployments/online`;
  await createApi(client, revision, "f", { path: "/f" });
  await release(client, online, { environmentBackend: functionBackend(fn) });
  await release(client, online, { environmentBackend: mock() });
  await client.call(FunctionServiceService.deleteFunction, { name: fn, etag: "" });
  const rollback = { name: online, release: 1, note: "", requestId: "", etag: "" };
  await refused(client.call(service.rollback, rollback), "failed_precondition", "backend_unresolved");
});

test("offline and online again are told at once, and the newest release comes back", async () => {
  const { label, online } = await groupWithMock("switching");
  const offline = (etag = "") => client.call(service.takeOffline, { name: online, etag });
  await refused(offline(), "failed_precondition", "deployment_unreleased");
  await release(client, online);
  const { etag } = await client.call(service.getDeployment, { name: online });
  const stopped = await offline(etag);
  assert.equal(stopped.state, DeploymentState.OFFLINE);
  await until(async () => (await served(label, 1)).record.state === DeploymentRecord_State.OFFLINE);
  await refused(offline(etag), "aborted", "etag_mismatch");
  assert.equal((await offline()).etag, stopped.etag);
  const started = await client.call(service.bringOnline, { name: online, etag: stopped.etag });
  assert.deepEqual([started.state, started.release], [DeploymentState.SERVING, 1]);
  await until(async () => (await served(label, 1)).record.state === DeploymentRecord_State.SERVING);
});

test("a repeated release answers the same one; a stale etag releases nothing", async () => {
  const { online } = await groupWithMock("once");
  const request = {
    name: online,
    revision: "0.0.1",
    environmentBackend: undefined,
    routingRules: undefined,
    note: "",
    requestId: randomUUID(),
    etag: "",
  };
  const { etag } = await client.call(service.getDeployment, { name: online });
  const first = await client.call(service.createRelease, request);
  assert.deepEqual(await client.call(service.createRelease, request), first);
  await refused(release(client, online, { etag }), "aborted", "etag_mismatch");
  assert.equal((await client.call(service.getDeployment, { name: online })).release, 1);
});

test("releases of one deployment at once are numbered one after the other, and the last one is served", async () => {
  const { label, online } = await groupWithMock("racing");
  const made = await Promise.all([1, 2, 3, 4].map((i) => release(client, online, { note: `${i}` })));
  assert.deepEqual(made.map(({ number }) => number).toSorted(), [1, 2, 3, 4]);
  assert.equal((await served(label, 4)).record.release, 4);
});

test("releases are listed newest first, by pages, and belong to their deployment", async () => {
  const { name, online } = await groupWithMock("history");
  for (let i = 0; i < 3; i++) await release(client, online);
  const first = await client.call(service.listReleases, { parent: online, pageSize: 2, pageToken: "" });
  const rest = await client.call(service.listReleases, { parent: online, pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual(
    [...first.releases, ...rest.releases].map(({ number }) => number),
    [3, 2, 1],
  );
  const test = { parent: `${name}/deployments/test`, pageSize: 0, pageToken: "" };
  assert.deepEqual((await client.call(service.listReleases, test)).releases, []);
  await refused(client.call(service.listReleases, test, { token: "eve" }), "not_found", "project_not_found");
});

test("a release of a thousand APIs is on the bus in parts that fit, in under two seconds", async () => {
  const { name, label } = await createGroup(client, "shop", "thousand");
  const random = (i: number) => packRecord(Buffer.from(`${i}`.repeat(50))).toString("base64");
  const paths = Array.from({ length: 1_000 }, (_, i) => [
    `/p${i}`,
    { get: { "x-millrace-backend": { mock: { body: random(i) } }, responses: {} } },
  ]);
  const document = JSON.stringify({ openapi: "3.1.0", info: {}, paths: Object.fromEntries(paths) });
  const parent = `${name}/revisions/0.0.1`;
  await client.call(ApiServiceService.importApis, { parent, document, validateOnly: false }, { timeoutMs: 30_000 });
  const startedAt = performance.now();
  await release(client, `${name}/deployments/online`);
  const { snapshot } = await served(label, 1);
  const tookMs = performance.now() - startedAt;
  assert.equal(snapshot.routes.length, 1_000);
  assert.ok(tookMs < 2_000, `took ${tookMs} ms`);
});
