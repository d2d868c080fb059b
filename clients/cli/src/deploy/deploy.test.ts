import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { folderWith, run, writePlatformFile } from "../command-line-fixture.ts";
import { FakePlatform } from "../platform-fixture.ts";

const OPENAPI = `
openapi: 3.1.0
paths:
  /pets/{id}:
    get:
      operationId: getPet
      x-millrace-backend: { function: pets }
`;

const MANIFEST = `
project: shop
functions:
  pets:
    code: pets.ts
    environment: { STORE: north }
groups:
  store:
    openapi: openapi.yaml
    access: none
    environments: [test, online]
`;

async function start(t: TestContext) {
  const platform = new FakePlatform();
  const folder = folderWith(t, { "millrace.yaml": MANIFEST, "openapi.yaml": OPENAPI, "pets.ts": "export {}" });
  writePlatformFile(folder, { controlPlane: await platform.listen(t) });
  const deploy = async (...options: string[]) => {
    platform.changes.length = 0;
    const { exitCode, stdout, stderr } = await run(folder, ["deploy", "--output", "json", ...options]);
    const answer = stdout === "" ? undefined : JSON.parse(stdout);
    const changing = (answer?.plan ?? []).filter(({ action }: { action: string }) => action !== "unchanged");
    const lines = changing.map(
      ({ kind, name, action, changes }: { kind: string; name: string; action: string; changes: string[] }) =>
        `${action} ${kind} ${name}: ${changes.join(", ")}`,
    );
    return { exitCode, stderr, answer, lines, changes: [...platform.changes] };
  };
  const edit = (file: string, from: string, to: string) => {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    assert.ok(text.includes(from), from);
    writeFileSync(path, text.replace(from, to));
  };
  return { platform, folder, deploy, edit };
}

test("the first deploy makes everything, and the second finds nothing to do", async (t) => {
  const { deploy } = await start(t);
  const first = await deploy();
  assert.equal(first.stderr, "");
  assert.deepEqual(first.changes, [
    "createProject",
    "createFunction",
    "uploadCode",
    "createGroup",
    "importApis",
    "createRelease",
    "createRelease",
  ]);
  assert.deepEqual(first.answer.deployments[1], {
    group: "store",
    environment: "online",
    release: 1,
    revision: "0.0.1",
    pathUrl: "http://gateway/~xxxxxxxxxxxx/online",
    hostUrl: "",
    state: "DEPLOYMENT_STATE_SERVING",
  });
  const second = await deploy();
  assert.deepEqual([second.lines, second.changes], [[], []]);
  assert.deepEqual(second.answer.deployments, first.answer.deployments);
});

test("a dry run shows the plan and changes nothing", async (t) => {
  const { deploy } = await start(t);
  const { lines, changes, exitCode } = await deploy("--dry-run");
  assert.deepEqual([exitCode, changes], [0, []]);
  assert.deepEqual(lines, [
    "create project shop: ",
    "create function pets: code",
    "create group store: ",
    "create revision store 0.0.1: APIs",
    "create release store test: first release",
    "create release store online: first release",
  ]);
});

test("changed code is uploaded and released again, in the revision that is live", async (t) => {
  const { deploy, edit } = await start(t);
  await deploy();
  edit("pets.ts", "export {}", "export const changed = true");
  const { lines, changes } = await deploy();
  assert.deepEqual(changes, ["uploadCode", "createRelease", "createRelease"]);
  assert.deepEqual(lines, [
    "update function pets: code",
    "update release store test: function pets",
    "update release store online: function pets",
  ]);
  assert.deepEqual((await deploy()).lines, []);
});

test("a changed setting updates the function without an upload", async (t) => {
  const { deploy, edit } = await start(t);
  await deploy();
  edit("millrace.yaml", "STORE: north", "STORE: south");
  const { lines, changes } = await deploy();
  assert.deepEqual(changes, ["updateFunction", "createRelease", "createRelease"]);
  assert.equal(lines[0], "update function pets: environment");
});

test("an alias follows what is deployed, and keeps its minimum", async (t) => {
  const { deploy, edit, platform } = await start(t);
  edit("millrace.yaml", "    environment:", "    aliases: { live: { minInstances: 2 } }\n    environment:");
  const live = () => {
    const { targets, minInstances } = platform.aliases.get("projects/shop/functions/pets/aliases/live")!;
    return [targets, minInstances];
  };
  const first = await deploy();
  assert.deepEqual(first.changes.slice(1, 5), ["createFunction", "uploadCode", "publishVersion", "createAlias"]);
  assert.equal(first.lines[2], "create alias pets live: to a new version, minInstances");
  assert.deepEqual(live(), [[{ version: 1, weight: 100 }], 2]);
  assert.deepEqual((await deploy()).lines, []);

  edit("pets.ts", "export {}", "export const changed = true");
  const second = await deploy();
  assert.deepEqual(second.changes.slice(0, 3), ["uploadCode", "publishVersion", "updateAlias"]);
  assert.equal(second.lines[1], "update alias pets live: to a new version");
  assert.deepEqual(live(), [[{ version: 2, weight: 100 }], 2]);
  assert.deepEqual((await deploy()).lines, []);
});

test("an alias that names its version stays there, and what moved it by hand is put right", async (t) => {
  const { deploy, edit, platform } = await start(t);
  await deploy();
  edit("millrace.yaml", "    environment:", "    aliases: { live: { version: 1 } }\n    environment:");
  assert.deepEqual((await deploy()).lines, ["create alias pets live: to 1"]);
  edit("pets.ts", "export {}", "export const changed = true");
  assert.ok(!(await deploy()).changes.includes("updateAlias"));
  const name = "projects/shop/functions/pets/aliases/live";
  const targets = [
    { version: 1, weight: 50 },
    { version: 2, weight: 50 },
  ];
  platform.aliases.set(name, { ...platform.aliases.get(name)!, targets });
  assert.deepEqual((await deploy()).lines, ["update alias pets live: to 1"]);
  edit("millrace.yaml", "version: 1", "version: 1, minInstances: 3");
  assert.deepEqual((await deploy()).lines, ["update alias pets live: minInstances"]);
  assert.deepEqual(platform.aliases.get(name)!.targets, [{ version: 1, weight: 100 }]);
});

test("a changed document goes into a new revision, since the live one stays as it is", async (t) => {
  const { deploy, edit } = await start(t);
  await deploy();
  edit("openapi.yaml", "operationId: getPet", "operationId: findPet");
  const { lines, changes, answer } = await deploy();
  assert.deepEqual(changes, ["createRevision", "importApis", "createRelease", "createRelease"]);
  assert.equal(lines[0], "create revision store after 0.0.1: +findPet, -getPet");
  assert.equal(answer.deployments[0].revision, "0.0.2");
  assert.deepEqual((await deploy()).lines, []);
});

test("a document may speak of functions that the same deploy makes", async (t) => {
  const { deploy, edit } = await start(t);
  await deploy();
  edit("millrace.yaml", "groups:", "  cats:\n    code: pets.ts\ngroups:");
  edit("openapi.yaml", "{ function: pets }", "{ function: cats }");
  const { changes, exitCode } = await deploy();
  assert.equal(exitCode, 0);
  assert.deepEqual(changes, [
    "createFunction",
    "uploadCode",
    "createRevision",
    "importApis",
    "createRelease",
    "createRelease",
  ]);
  assert.deepEqual((await deploy()).lines, []);
});

test("what the platform does not carry of a document is told once, when it is imported", async (t) => {
  const { deploy, edit } = await start(t);
  edit("openapi.yaml", "paths:", "servers: []\npaths:");
  assert.deepEqual((await deploy()).answer.notCarried, [
    { group: "store", element: "#/servers", what: "it is elsewhere", advice: "" },
  ]);
  assert.deepEqual((await deploy()).answer.notCarried, []);
});

test("an environment that is added is released, and the others stay", async (t) => {
  const { deploy, edit } = await start(t);
  await deploy();
  edit("millrace.yaml", "[test, online]", "[test, preview, online]");
  const { lines, changes } = await deploy();
  assert.deepEqual(changes, ["createRelease"]);
  assert.deepEqual(lines, ["create release store preview: first release"]);
});

test("access takes effect without a release, another prefix with one", async (t) => {
  const { deploy, edit } = await start(t);
  await deploy();
  edit("millrace.yaml", "access: none", "access: authorized");
  assert.deepEqual((await deploy()).changes, ["updateGroup"]);
  edit("millrace.yaml", "access: authorized", "access: authorized\n    prefix: v1");
  assert.deepEqual((await deploy()).changes, ["updateGroup", "createRelease", "createRelease"]);
});

test("a draft that was changed by hand since the release is released", async (t) => {
  const { deploy, platform } = await start(t);
  await deploy();
  const draft = platform.functions.get("projects/shop/functions/pets")!;
  for (const version of platform.versions.values()) version.code = { ...draft.code!, digest: "an older build" };
  assert.deepEqual((await deploy()).changes, ["createRelease", "createRelease"]);
});

test("the backend of an environment is chosen at release", async (t) => {
  const { deploy, edit } = await start(t);
  edit("openapi.yaml", "x-millrace-backend: { function: pets }", "summary: Finds a pet.");
  edit("millrace.yaml", "environments: [test, online]", "backend: { function: pets }\n    environments: [online]");
  await deploy();
  assert.deepEqual((await deploy()).lines, []);
  edit("millrace.yaml", "backend: { function: pets }", "backend: { mock: { status: 204 } }");
  assert.deepEqual((await deploy()).lines, ["update release store online: backend"]);
  assert.deepEqual((await deploy()).lines, []);
});

test("an http backend and rules are compared by what they mean", async (t) => {
  const { deploy, edit } = await start(t);
  edit("openapi.yaml", "x-millrace-backend: { function: pets }", "summary: Finds a pet.");
  const rules = 'rules: [{ name: a, headers: { X-A: "1" }, backend: { mock: {} } }]';
  const online = `online: { backend: { http: "http://API.example.com/v1/" }, ${rules} }`;
  edit("millrace.yaml", "environments: [test, online]", `release: { ${online} }`);
  await deploy();
  assert.deepEqual((await deploy()).lines, []);
  edit("millrace.yaml", "http://API.example.com/v1/", "http://api.example.com:80/v1");
  edit("millrace.yaml", "X-A", "x-a");
  assert.deepEqual((await deploy()).lines, []);
  edit("millrace.yaml", 'x-a: "1"', 'x-a: "2"');
  assert.deepEqual((await deploy()).lines, ["update release store online: rules"]);
  edit("millrace.yaml", "api.example.com:80/v1", "api.example.com:80/v2");
  assert.deepEqual((await deploy()).lines, ["update release store online: backend"]);
});

test("secrets are sent when their names change, or when asked to; never shown", async (t) => {
  const { deploy, edit, folder } = await start(t);
  writeFileSync(join(folder, "secrets.env"), "# of the store\nTOKEN=canary-3f\n");
  edit("millrace.yaml", "code: pets.ts", "code: pets.ts\n    secretsFrom: secrets.env");
  const first = await deploy();
  assert.doesNotMatch(JSON.stringify(first), /canary-3f/);
  assert.deepEqual((await deploy()).lines, []);
  assert.deepEqual((await deploy("--update-secrets")).lines[0], "update function pets: secrets");
});

test("refused code fails the deploy with its file, line and reason", async (t) => {
  const { deploy, platform } = await start(t);
  platform.refuseUpload = new PlatformError("invalid_argument", "The code cannot be built.", {
    reason: "code_invalid",
    violations: [{ field: "pets.ts:3:7", description: 'Expected ";" but found "oops"' }],
  });
  const { exitCode, stderr, changes } = await deploy();
  assert.equal(exitCode, 1);
  const failure = JSON.parse(stderr);
  assert.deepEqual([failure.reason, failure.message], ["code_invalid", "function pets: The code cannot be built."]);
  assert.equal(failure.violations[0].field, "pets.ts:3:7");
  assert.ok(!changes.includes("createRelease"));
});

test("people see the plan before anything is done, then where to call", async (t) => {
  const { folder } = await start(t);
  const { stdout, exitCode } = await run(folder, ["deploy", "."]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^Plan for projects\/shop.*\+ function pets \(code\).*Deploying.*store online: http:/s);
});
