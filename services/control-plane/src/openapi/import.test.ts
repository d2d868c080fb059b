import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Api, ApiServiceService, type ImportApisResponse, ImportOutcome } from "@millrace/proto/control/v1/apis";
import { createApi, createFunction, createGroup, createProject, mock, release } from "../testing/calls.ts";
import { refused } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";
import { importing, ok, openapi } from "./import-fixture.ts";

const { client } = await startControlPlane({ after });
await createProject(client, "shop");
await createFunction(client, "shop", "pets");
const { newRevision, importInto, faultsOf } = importing(client);

const idsOf = (names: readonly string[]) => names.map((name) => name.split("/").at(-1));

async function imported(document: unknown): Promise<{ apis: Map<string, Api>; answer: ImportApisResponse }> {
  const parent = await newRevision();
  const answer = await importInto(parent, document);
  const { apis } = await client.call(ApiServiceService.listApis, { parent, pageSize: 0, pageToken: "" });
  return { apis: new Map(apis.map((api) => [api.name.split("/").at(-1)!, api])), answer };
}

const PETSTORE = `
openapi: 3.0.3
info: {title: Petstore, version: 1.0.0}
x-millrace-backend: {function: pets}
paths:
  /pets/{petId}:
    parameters:
      - {name: petId, in: path, required: true, schema: {type: integer, default: 1, minimum: 1}}
    get:
      operationId: getPetInfo
      summary: A pet
      responses:
        '200':
          description: The pet
          content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}
        '404': {description: None}
  /pets:
    post:
      operationId: createPet
      x-millrace-backend: {function: pets, qualifier: 3, eventFormat: aws-2}
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/Pet'}}
          application/xml: {schema: {type: object}}
      responses: {default: {description: Any}}
    delete:
      x-millrace-backend: {mock: {status: 204, headers: {x-count: 1}, body: {gone: true}}}
      responses: {}
components:
  schemas:
    Pet:
      type: object
      properties:
        id: {type: integer, nullable: true, minimum: 0, exclusiveMinimum: true}
        mother: {$ref: '#/components/schemas/Pet'}
        owner: {$ref: '#/components/schemas/Owner'}
    Owner: {type: string, example: {$ref: this is data}}
`;

const lostIn = ({ remarks }: ImportApisResponse) =>
  remarks.filter(({ outcome }) => outcome === ImportOutcome.NOT_CARRIED).map(({ pointer }) => pointer);

test("a document's operations become APIs: ids, parameters, bodies, backends", async () => {
  const { apis, answer } = await imported(PETSTORE);
  assert.deepEqual(idsOf(answer.created).toSorted(), ["createPet", "delete_pets", "getPetInfo"]);
  const get = apis.get("getPetInfo")!.definition!;
  assert.deepEqual([get.method, get.path, get.summary], ["GET", "/pets/{petId}", "A pet"]);
  assert.deepEqual(get.parameters, [
    {
      name: "petId",
      location: 1,
      type: 2,
      required: true,
      description: "",
      defaultJson: "1",
      schemaJson: '{"minimum":1}',
      deprecated: false,
      exampleJson: "",
      arrayFormat: 0,
    },
  ]);
  assert.deepEqual(
    get.otherResponses.map(({ status, description }) => [status, description]),
    [["404", "None"]],
  );
  const post = apis.get("createPet")!.definition!;
  assert.deepEqual(post.backend?.kind, {
    $case: "function",
    value: { function: "projects/shop/functions/pets", qualifier: "3", eventFormat: 3 },
  });
  assert.equal(post.requestBody?.required, true);
  assert.deepEqual(post.requestBody.others, [
    { mediaType: "application/xml", schema: '{"type":"object"}', example: "" },
  ]);
  const remove = apis.get("delete_pets")!.definition!;
  assert.deepEqual(remove.backend?.kind, {
    $case: "mock",
    value: { status: 204, headers: { "x-count": "1" }, body: '{"gone":true}' },
  });
});

const PET_20 = (basePath: string) => `
swagger: '2.0'
info: {title: PET, version: 1.0.0}
basePath: '${basePath}'
consumes: [application/json]
produces: [application/json]
paths:
  /pets/{petId}:
    get:
      operationId: getPetInfo
      parameters: [{name: petId, in: path, type: integer, required: true, default: 1}]
      responses: {'200': {description: A pet, schema: {$ref: '#/definitions/Pet'}}}
  /pets:
    post:
      operationId: createPet
      parameters: [{name: body, in: body, required: true, schema: {$ref: '#/definitions/Pet'}}]
      responses: {'200': {description: Created, schema: {type: object, properties: {message: {type: string}}}}}
definitions:
  Pet: {type: object, properties: {price: {type: number}, id: {type: integer}, type: {type: string}}}
`;

test("a document of OpenAPI 2.0 becomes the same APIs as one of 3.1 would: JD Cloud's sample", async () => {
  const { apis, answer } = await imported(PET_20(""));
  assert.deepEqual(lostIn(answer), []);
  const get = apis.get("getPetInfo")!.definition!;
  const [petId] = get.parameters;
  assert.deepEqual([petId?.type, petId?.required, petId?.defaultJson], [2, true, "1"]);
  assert.equal(get.responseBody?.mediaType, "application/json");
  const pet = {
    type: "object",
    properties: { price: { type: "number" }, id: { type: "integer" }, type: { type: "string" } },
  };
  const whole = { $ref: "#/$defs/Pet", $defs: { Pet: pet } };
  assert.deepEqual(JSON.parse(get.responseBody.schema), whole);
  const create = apis.get("createPet")!.definition!;
  assert.deepEqual([create.method, create.path, create.requestBody?.required], ["POST", "/pets", true]);
  assert.deepEqual(JSON.parse(create.requestBody!.schema), whole);
});

test("a header that gateways take from nobody is left out, and said", async () => {
  const header = (name: string) => ({ name, in: "header", required: true, schema: { type: "string" } });
  const parameters = [header("api_key"), header("X-Real-IP"), header("X-Mode")];
  const paths = { "/a": { get: { operationId: "getA", parameters, responses: {} } } };
  const { apis, answer } = await imported(
    JSON.stringify({ openapi: "3.0.3", info: { title: "a", version: "1" }, paths }),
  );
  const names = apis.get("getA")!.definition!.parameters.map(({ name }) => name);
  assert.deepEqual(names, ["X-Mode"]);
  const lost = lostIn(answer);
  for (const at of [0, 1]) assert.ok(lost.includes(`#/paths/~1a/get/parameters/${at}`), `${lost}`);
});

test("a base path comes before every path, unless it is the group's prefix", async () => {
  const pathsIn = async (prefix: string) => {
    const { name } = await createGroup(client, "shop", `base-${prefix}x`, { prefix });
    const parent = `${name}/revisions/0.0.1`;
    const { remarks } = await importInto(parent, PET_20("/v1/"));
    const { apis } = await client.call(ApiServiceService.listApis, { parent, pageSize: 0, pageToken: "" });
    const said = remarks.some(({ pointer }) => pointer === "#/basePath");
    return [apis.map(({ definition }) => definition!.path), said];
  };
  assert.deepEqual(await pathsIn(""), [["/v1/pets", "/v1/pets/{petId}"], true]);
  assert.deepEqual(await pathsIn("v1"), [["/pets", "/pets/{petId}"], false]);
});

test("a schema stands alone: what it refers to, even itself, comes with it in JSON Schema's words", async () => {
  const { apis } = await imported(PETSTORE);
  assert.deepEqual(JSON.parse(apis.get("getPetInfo")!.definition!.responseBody!.schema), {
    $ref: "#/$defs/Pet",
    $defs: {
      Pet: {
        type: "object",
        properties: {
          id: { type: ["integer", "null"], exclusiveMinimum: 0 },
          mother: { $ref: "#/$defs/Pet" },
          owner: { $ref: "#/$defs/Owner" },
        },
      },
      Owner: { type: "string", example: { $ref: "this is data" } },
    },
  });
});

test("whatever of a document is not carried is named by its pointer", async () => {
  const { answer } = await imported(PETSTORE);
  assert.deepEqual(lostIn(answer), []);
  const { answer: more } = await imported(
    openapi(
      {
        "/a": {
          servers: [],
          trace: ok,
          get: {
            ...ok,
            operationId: "a.b",
            callbacks: {},
            parameters: [
              { name: "c", in: "cookie", schema: { type: "string" } },
              { name: "o", in: "query", style: "deepObject", schema: { type: "object" } },
            ],
          },
        },
      },
      { servers: [{ url: "/" }], security: [{ key: [] }] },
    ),
  );
  assert.deepEqual(lostIn(more).toSorted(), [
    "#/paths/~1a/get/callbacks",
    "#/paths/~1a/get/parameters/0",
    "#/paths/~1a/get/parameters/1/schema",
    "#/paths/~1a/get/parameters/1/style",
    "#/paths/~1a/servers",
    "#/paths/~1a/trace",
    "#/security",
    "#/servers",
  ]);
  const security = more.remarks.find(({ pointer }) => pointer === "#/security")!;
  assert.match(
    `${security.what}; ${security.advice}`,
    /setting of the group; set it by: millrace group update [a-z]\S* --access/,
  );
  const id = more.remarks.find(({ pointer }) => pointer === "#/paths/~1a/get/operationId")!;
  assert.deepEqual([id.outcome, id.what], [ImportOutcome.CHANGED, "the API's id is a_b"]);
});

test("importing again changes nothing, and importing another document makes the revision equal to it", async () => {
  const parent = await newRevision();
  await importInto(parent, PETSTORE);
  const before = await client.call(ApiServiceService.listApis, { parent, pageSize: 0, pageToken: "" });
  const again = await importInto(parent, PETSTORE);
  assert.deepEqual([again.created, again.updated, again.deleted, again.unchanged.length], [[], [], [], 3]);
  assert.deepEqual(await client.call(ApiServiceService.listApis, { parent, pageSize: 0, pageToken: "" }), before);
  const other = openapi({
    "/pets": { get: { operationId: "createPet", ...ok }, post: { operationId: "getPetInfo", ...ok } },
    "/new": { get: { operationId: "fresh", ...ok } },
  });
  const preview = await importInto(parent, other, true);
  assert.deepEqual(idsOf(preview.created), ["fresh"]);
  assert.deepEqual(await client.call(ApiServiceService.listApis, { parent, pageSize: 0, pageToken: "" }), before);
  const changed = await importInto(parent, other);
  assert.deepEqual(changed, preview);
  assert.deepEqual(idsOf(changed.updated).toSorted(), ["createPet", "getPetInfo"]);
  assert.deepEqual(idsOf(changed.deleted), ["delete_pets"]);
  const uidOf = (list: { apis: Api[] }, id: string) => list.apis.find(({ name }) => name.endsWith(`/${id}`))?.uid;
  const now = await client.call(ApiServiceService.listApis, { parent, pageSize: 0, pageToken: "" });
  assert.equal(uidOf(now, "createPet"), uidOf(before, "createPet"));
});

test("two APIs can change routes with each other in one import", async () => {
  const parent = await newRevision();
  const paths = (a: string, b: string) =>
    openapi({ "/a": { get: { operationId: a, ...ok } }, "/b": { get: { operationId: b, ...ok } } });
  await importInto(parent, paths("one", "two"));
  assert.equal((await importInto(parent, paths("two", "one"))).updated.length, 2);
});

test("a deployed revision is not imported into, but a preview is answered", async () => {
  const { name } = await createGroup(client, "shop", "deployed");
  const parent = `${name}/revisions/0.0.1`;
  await createApi(client, parent, "a", { path: "/a", backend: mock() });
  await release(client, `${name}/deployments/online`);
  const document = openapi({ "/b": { get: ok } });
  assert.deepEqual(idsOf((await importInto(parent, document, true)).created), ["get_b"]);
  await refused(importInto(parent, document), "failed_precondition", "revision_deployed");
});

test("references outside the document, to nowhere or in a circle are refused with their pointers", async () => {
  const faults = await faultsOf(
    openapi(
      {
        "/a": {
          get: {
            ...ok,
            parameters: [{ $ref: "https://example.com/p.json" }, { $ref: "#/components/parameters/none" }],
          },
        },
        "/b": { $ref: "#/x-circle" },
        "/c": {
          get: { ...ok, requestBody: { content: { "application/json": { schema: { $ref: "other.yaml#/S" } } } } },
        },
      },
      { "x-circle": { $ref: "#/x-circle" } },
    ),
  );
  assert.deepEqual(
    faults.map(([pointer]) => pointer),
    [
      "#/paths/~1b",
      "#/paths/~1a/get/parameters/0/$ref",
      "#/paths/~1a/get/parameters/1/$ref",
      "#/paths/~1c/get/requestBody/content/application~1json/schema/$ref",
    ],
  );
});

test("faults of operations come all at once, each with the operation's pointer", async () => {
  const faults = await faultsOf(
    openapi({
      "/a/{x}": { get: ok },
      "/b.{x}": { get: ok },
      "/c": { get: { operationId: "same", ...ok }, post: { operationId: "same", ...ok } },
      "/d": { get: { "x-millrace-backend": { function: "none" }, ...ok } },
      "/e": { get: { "x-millrace-backend": { functoin: "pets" }, ...ok } },
      "/f/{x}": { get: { parameters: [{ name: "x", in: "path", schema: { type: "string" } }], ...ok } },
      "/f/{y}": { get: { parameters: [{ name: "y", in: "path", schema: { type: "string" } }], ...ok } },
    }),
  );
  const of = (pointer: string) => faults.filter(([field]) => field === pointer).map(([, description]) => description);
  assert.match(of("#/paths/~1a~1{x}/get")[0]!, /parameters must declare the path's parameter x/);
  assert.match(of("#/paths/~1b.{x}/get")[0]!, /path may have \{name\} as a whole segment/);
  assert.match(of("#/paths/~1c/post/operationId")[0]!, /also the id of #\/paths\/~1c\/get/);
  assert.match(of("#/paths/~1d/get/x-millrace-backend")[0]!, /no function none/);
  assert.match(of("#/paths/~1e/get/x-millrace-backend/functoin")[0]!, /not known/);
  assert.match(of("#/paths/~1f~1{y}/get")[0]!, /clashes with #\/paths\/~1f~1\{x\}\/get/);
});

test("a backend that signs with a key that is not the project's is a fault where it is said", async () => {
  const backend = { http: { url: "http://h", signingKey: "MROTHER" } };
  const faults = await faultsOf(openapi({ "/a": { get: { "x-millrace-backend": backend, ...ok } } }));
  assert.deepEqual(faults, [["#/paths/~1a/get/x-millrace-backend", "project shop has no access key MROTHER"]]);
});

test("what is no OpenAPI that is read is refused in one clear line", async () => {
  assert.match((await faultsOf(""))[0]![1], /must be an OpenAPI document/);
  assert.match((await faultsOf("a: b: c"))[0]![1], /mapping/i);
  assert.match((await faultsOf("{"))[0]![1], /./);
  assert.match(
    (await faultsOf({ swagger: "1.2", paths: {} }))[0]!.join(" "),
    /#\/swagger must say version 2\.0, 3\.0 or 3\.1, and says 1\.2/,
  );
  assert.match((await faultsOf({ openapi: "3.2.0", paths: {} }))[0]!.join(" "), /must say version .* says 3\.2\.0/);
  assert.deepEqual((await faultsOf({ openapi: "3.1.0" }))[0], ["#/paths", "must be an object"]);
  assert.deepEqual((await faultsOf(openapi({ "/a": { get: "x" } })))[0], ["#/paths/~1a/get", "must be an object"]);
  assert.match((await faultsOf(openapi({ "/a": { get: { ...ok, description: "a\0" } } })))[0]![1], /NUL/);
  assert.match((await faultsOf(openapi({ "/a": { get: { ...ok, description: "\ud800" } } })))[0]![1], /surrogate/);
});
