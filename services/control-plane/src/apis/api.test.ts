import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import {
  type ApiDefinition,
  ApiServiceService,
  type Backend,
  Body,
  EventFormat,
  type MatchType,
  MatchType as MatchTypes,
  type Parameter,
} from "@millrace/proto/control/v1/apis";
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
} from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, auth } = await startControlPlane({ after });
await createProject(client, "shop");
await createProject(client, "other");
const pets = await createFunction(client, "shop", "pets");
const foreign = await createFunction(client, "other", "pets");
const { name: group } = await createGroup(client, "shop", "store");
const revision = `${group}/revisions/0.0.1`;
const { getApi, listApis, updateApi, deleteApi } = ApiServiceService;
const refusedDefinition = (definition: Partial<ApiDefinition>, fields: string[]) =>
  refusedFields(
    createApi(client, revision, "refused", definition),
    fields.map((field) => `definition.${field}`),
  );
const parameter = (fields: Partial<Parameter>): Parameter => ({
  name: "q",
  location: 2,
  type: 1,
  required: false,
  description: "",
  defaultJson: "",
  schemaJson: "",
  deprecated: false,
  exampleJson: "",
  arrayFormat: 0,
  ...fields,
});
const body = (schema: string, mediaType = "application/json") => Body.create({ mediaType, schema });

test("a whole definition comes back as it was given, with defaults said", async () => {
  const definition = definitionWith({
    method: "POST",
    path: "/pets/{petId}",
    match: MatchTypes.EXACT,
    description: "Changes a pet",
    parameters: [
      pathParameter("petId"),
      parameter({ name: "dry_run", type: 4, defaultJson: "false" }),
      parameter({ name: "X-Count", location: 3, type: 2, schemaJson: '{"minimum":1}' }),
    ],
    requestBody: Body.create({
      mediaType: "application/json",
      schema: '{"type":"object","properties":{"snake_case":{}}}',
      required: true,
    }),
    responseBody: body("<pet/>", "text/xml"),
    backend: functionBackend(pets.name),
  });
  const made = await createApi(client, revision, "changePet", definition);
  assert.match(made.uid, /^api-[a-z0-9]{12}$/);
  const backend: Backend = {
    kind: {
      $case: "function",
      value: { function: pets.name, qualifier: "LATEST", eventFormat: EventFormat.JD },
    },
  };
  assert.deepEqual(made.definition, { ...definition, backend });
  assert.deepEqual(await client.call(getApi, { name: made.name }), made);
});

test("every failing field of a definition is named in one answer", async () => {
  await refusedDefinition(
    {
      method: "get",
      path: "pets",
      match: 9 as MatchType,
      description: "x".repeat(10_001),
      parameters: [parameter({ location: 0, type: 9 as 1, schemaJson: "[]", defaultJson: "{" })],
      requestBody: body("{", "nonsense"),
      responseBody: body("{"),
      backend: { kind: undefined },
    },
    [
      "method",
      "path",
      "match",
      "description",
      "parameters[0].location",
      "parameters[0].type",
      "parameters[0].schema_json",
      "parameters[0].default_json",
      "request_body.media_type",
      "response_body.schema",
      "backend",
    ],
  );
  const missing = { parent: revision, apiId: "none", definition: undefined, requestId: "" };
  await refusedFields(client.call(ApiServiceService.createApi, missing), ["definition"]);
  await refusedFields(createApi(client, revision, "1st", {}), ["api_id"]);
});

test("parameters of the path are declared, each once, and no others", async () => {
  await refusedDefinition({ path: "/a/{x}" }, ["parameters"]);
  await refusedDefinition({ path: "/a", parameters: [pathParameter("x")] }, ["parameters[0].name"]);
  const twice = [parameter({ name: "X", location: 3 }), parameter({ name: "x", location: 3 })];
  await refusedDefinition({ path: "/a", parameters: twice }, ["parameters[1].name"]);
  const many = Array.from({ length: 101 }, (_, i) => parameter({ name: `q${i}` }));
  await refusedDefinition({ path: "/a", parameters: many }, ["parameters"]);
  await refusedDefinition({ path: "/a", parameters: [parameter({ name: "a b", location: 3 })] }, [
    "parameters[0].name",
  ]);
  await refusedDefinition({ path: "/a", parameters: [parameter({ type: 2, defaultJson: "1.5" })] }, [
    "parameters[0].default_json",
  ]);
});

test("answers, media types, tags, summaries, examples and forms of arrays have rules", async () => {
  const answer = (status: string) => ({ status, description: "", contents: [] });
  const path = "/rules";
  await refusedDefinition({ path, responseStatus: "404" }, ["response_status"]);
  await refusedDefinition({ path, responseStatus: "201", otherResponses: [answer("200")] }, ["response_status"]);
  await refusedDefinition({ path, otherResponses: [answer("404"), answer("404"), answer("6XX")] }, [
    "other_responses[1].status",
    "other_responses[2].status",
  ]);
  const unsaid = { responseStatus: "", responseDescription: "whose?", otherResponses: [answer("404")] };
  await refusedDefinition({ path, ...unsaid }, ["response_description"]);
  const twice = [{ mediaType: "Application/JSON", schema: "", example: "{" }];
  await refusedDefinition({ path, requestBody: { ...body(""), others: twice } }, [
    "request_body.others",
    "request_body.others[0].example",
  ]);
  await refusedDefinition({ path, tags: ["a", "a", ""], summary: "two\nlines" }, ["summary", "tags[1]", "tags[2]"]);
  const format = (fields: Partial<Parameter>) => ({ path, parameters: [parameter(fields)] });
  await refusedDefinition(format({ arrayFormat: 2 }), ["parameters[0].array_format"]);
  await refusedDefinition(format({ type: 5, location: 3, arrayFormat: 1 }), ["parameters[0].array_format"]);
  await refusedDefinition(format({ exampleJson: "{" }), ["parameters[0].example_json"]);
});

test("media types of JSON come first, and answers in the order of their status", async () => {
  const content = (mediaType: string) => ({ mediaType, schema: "true", example: "" });
  const { definition } = await createApi(client, revision, "ordered", {
    path: "/ordered",
    requestBody: { ...body("<a/>", "text/xml"), others: [content("application/json")] },
    responseStatus: "",
    otherResponses: ["4XX", "404"].map((status) => ({ status, description: "", contents: [] })),
  });
  assert.deepEqual(
    [
      definition?.requestBody?.mediaType,
      definition?.requestBody?.schema,
      definition?.requestBody?.others[0]?.mediaType,
    ],
    ["application/json", "{}", "text/xml"],
  );
  assert.deepEqual(
    definition?.otherResponses.map(({ status }) => status),
    ["404", "4XX"],
  );
});

test("a schema of 256 KiB is accepted and one byte more is not", async () => {
  const schema = (bytes: number) => JSON.stringify({ description: "x".repeat(bytes - 18) });
  assert.equal(schema(262_144).length, 262_144);
  await createApi(client, revision, "large", { path: "/large", requestBody: body(schema(262_144)) });
  await refusedDefinition({ path: "/larger", requestBody: body(schema(262_145)) }, ["request_body.schema"]);
  await refusedDefinition({ path: "/nul", requestBody: body("a\0b", "text/plain") }, ["request_body.schema"]);
});

test("a mock has bounds, and leaves to the gateway what is the gateway's", async () => {
  const withMock = (value: { status?: number; headers?: Record<string, string>; body?: string }) => ({
    path: "/mock",
    backend: { kind: { $case: "mock", value: { status: 0, headers: {}, body: "", ...value } } } as Backend,
  });
  await refusedDefinition(withMock({ status: 199 }), ["backend.mock.status"]);
  await refusedDefinition(withMock({ status: 600 }), ["backend.mock.status"]);
  await refusedDefinition(withMock({ headers: { "Content-Length": "1" } }), ["backend.mock.headers.Content-Length"]);
  await refusedDefinition(withMock({ headers: { "Proxy-Connection": "close" } }), [
    "backend.mock.headers.Proxy-Connection",
  ]);
  await refusedDefinition(withMock({ headers: { "x-a": "a\r\nb: c" } }), ["backend.mock.headers.x-a"]);
  await refusedDefinition(withMock({ body: "x".repeat(65_537) }), ["backend.mock.body"]);
  const made = await createApi(client, revision, "mocked", withMock({ body: "x".repeat(65_536) }));
  const kind = made.definition?.backend?.kind;
  assert.equal(kind?.$case === "mock" && kind.value.status, 200);
});

test("an http backend, and what it is asked instead, come back with defaults said; faults are named", async () => {
  const backendRequest = {
    method: "POST",
    path: "/items/{id}",
    parameters: [{ name: "q", location: 2 as const, backendName: "X-Q", backendLocation: 3 as const }],
    constants: [{ name: "v", location: 2 as const, value: "2" }],
  };
  const parameters = [pathParameter("id"), parameter({})];
  const definition = {
    path: "/mapped/{id}",
    parameters,
    backend: http("HTTP://Api.example.com:80/v1/"),
    backendRequest,
  };
  const { definition: kept } = await createApi(client, revision, "mapped", definition);
  const value = { url: "http://api.example.com/v1", timeoutMs: 10_000, retries: 1, forwardHost: false, signingKey: "" };
  assert.deepEqual(kept?.backend, { kind: { $case: "http", value } });
  assert.deepEqual(kept?.backendRequest, backendRequest);
  await refusedDefinition({ path: "/x", backend: http("http://u:p@h") }, ["backend.http.url"]);
  const withFunction = { ...definition, path: "/y/{id}", backend: functionBackend(pets.name) };
  await refusedDefinition(withFunction, ["backend_request"]);
});

test("a function backend must be of the same project, exist, and have a qualifier that can be one", async () => {
  const withFunction = (name: string, qualifier = "") => ({ path: "/f", backend: functionBackend(name, qualifier) });
  const at = "backend.function";
  await refusedDefinition(withFunction(foreign.name), [`${at}.function`]);
  await refusedDefinition(withFunction("pets"), [`${at}.function`]);
  await refusedDefinition(withFunction("projects/shop/functions/none"), [`${at}.function`]);
  await refusedDefinition(withFunction(pets.name, "0"), [`${at}.qualifier`]);
  await refusedDefinition(withFunction(pets.name, "a b"), [`${at}.qualifier`]);
});

test("an http backend signs with an access key of the same project", async () => {
  auth.addAccessKey("shop", "MRSHOP");
  auth.addAccessKey("other", "MROTHER");
  const signed = (signingKey: string): Partial<ApiDefinition> => ({
    path: "/signed",
    backend: http("http://h", signingKey),
  });
  const kept = await createApi(client, revision, "signed", signed("MRSHOP"));
  const { $case, value } = kept.definition!.backend!.kind!;
  assert.ok($case === "http" && value.signingKey === "MRSHOP");
  for (const key of ["MROTHER", "MRNONE"]) {
    await refusedDefinition(signed(key), ["backend.http.signing_key"]);
    const change = { name: kept.name, definition: definitionWith(signed(key)), etag: "" };
    await refusedFields(client.call(updateApi, change), ["definition.backend.http.signing_key"]);
  }
});

test("two APIs that would answer the same requests clash, and both are named", async () => {
  await createApi(client, revision, "getPet", { path: "/p/{a}", parameters: [pathParameter("a")] });
  const same = createApi(client, revision, "readPet", { path: "/p/{b}", parameters: [pathParameter("b")] });
  const error = await refused(same, "already_exists", "route_clash");
  assert.match(error.message, /readPet \(GET \/p\/\{b\}\) and API getPet \(GET \/p\/\{a\}\)/);
  await createApi(client, revision, "getOnePet", { path: "/p/one" });
  await createApi(client, revision, "postPet", { method: "POST", path: "/p/{b}", parameters: [pathParameter("b")] });
  await createApi(client, revision, "below", { path: "/p", match: MatchTypes.PREFIX });
  await createApi(client, revision, "pets", { path: "/p" });
  const { name } = await createApi(client, revision, "moved", { path: "/elsewhere" });
  const move = { name, definition: definitionWith({ path: "/p/one" }), etag: "" };
  await refused(client.call(updateApi, move), "already_exists", "route_clash");
  await refused(createApi(client, revision, "getPet", { path: "/new" }), "already_exists", "api_exists");
});

test("of two that clash and are made at once, one is made", async () => {
  const outcomes = await Promise.allSettled(
    ["x", "y"].map((id) => createApi(client, revision, id, { path: "/clash" })),
  );
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
});

test("an update replaces the definition and keeps the uid; a stale etag changes nothing", async () => {
  const made = await createApi(client, revision, "replaced", { path: "/old", description: "old" });
  const { name, etag } = made;
  const updated = await client.call(updateApi, {
    name,
    etag,
    definition: definitionWith({ path: "/new", backend: mock() }),
  });
  assert.deepEqual([updated.uid, updated.definition?.description], [made.uid, ""]);
  await refused(client.call(updateApi, { name, etag, definition: definitionWith({}) }), "aborted", "etag_mismatch");
  await refused(client.call(deleteApi, { name, etag }), "aborted", "etag_mismatch");
  await client.call(deleteApi, { name, etag: updated.etag });
  await refused(client.call(getApi, { name }), "not_found", "api_not_found");
});

test("a repeated create answers the same API", async () => {
  const request = {
    parent: revision,
    apiId: "once",
    definition: definitionWith({ path: "/once" }),
    requestId: randomUUID(),
  };
  const first = await client.call(ApiServiceService.createApi, request);
  assert.deepEqual(await client.call(ApiServiceService.createApi, request), first);
});

test("a list is paged by id; a foreign project and a missing revision are not found", async () => {
  const { name } = await createGroup(client, "shop", "pages");
  const parent = `${name}/revisions/0.0.1`;
  for (const id of ["a", "b", "c"]) await createApi(client, parent, id, { path: `/${id}` });
  const first = await client.call(listApis, { parent, pageSize: 2, pageToken: "" });
  const rest = await client.call(listApis, { parent, pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual(
    [...first.apis, ...rest.apis].map(({ name }) => name.at(-1)),
    ["a", "b", "c"],
  );
  const list = { parent, pageSize: 0, pageToken: "" };
  await refused(client.call(listApis, list, { token: "eve" }), "not_found", "project_not_found");
  const missing = { ...list, parent: `${name}/revisions/9.9.9` };
  await refused(client.call(listApis, missing), "not_found", "revision_not_found");
});
