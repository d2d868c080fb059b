/** The command line against a running platform: calls with every credential, and one clear line for every mistake. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { AccessMode } from "@millrace/proto/control/v1/groups";
import { Cli, type CliResult } from "./support/cli.ts";
import { untilAnswer } from "./support/expect-answer.ts";
import { send } from "./support/http.ts";
import { authorizeKey, provision } from "./support/provision.ts";
import { ALGORITHMS } from "./support/signed-call.ts";
import { testPlatform } from "./support/test-platform.ts";

const platform = await testPlatform();
const { rpc } = platform;
const home = mkdtempSync(join(tmpdir(), "millrace-home-"));
after(() => rmSync(home, { recursive: true }));
const cli = new Cli({ home, env: { MILLRACE_PLATFORM_FILE: platform.platformFile } });
const ECHO = `export const handler = async ({ detail }) => ({ statusCode: 200, headers: {}, body: detail.body || "nothing" });`;
const shop = await provision(rpc, {
  access: AccessMode.AUTHORIZED,
  functions: { echo: { code: ECHO } },
  apis: {
    read: { method: "GET", path: "/echo", backend: "echo" },
    make: { method: "POST", path: "/echo", backend: "echo" },
  },
});
const project = shop.project.split("/")[1]!;
const inShop = ["--project", project];

async function key(kind: "access" | "subscription", file: string): Promise<string> {
  await cli.json(["key", "create", kind, "--kind", kind, "--save", file, ...inShop]);
  const saved = readFileSync(join(home, file), "utf8");
  const keyId = /"keyId": "(\w+)"/.exec(saved)![1]!;
  await authorizeKey(rpc, shop.deployment().name, keyId);
  return join(home, file);
}

test("a key is rotated: the new one may what the old one may, which works until it is deleted", async () => {
  const before = JSON.parse(readFileSync(await key("subscription", "before.json"), "utf8")) as Bearer;
  const file = join(home, "after.json");
  const oldId = before.subscriptionKey.keyId;
  const rotated = await cli.json<object>(["key", "rotate", oldId, "after", "--save", file, ...inShop]);
  assert.deepEqual(rotated, { saved: file, replaces: oldId, authorized: [shop.deployment().name], toAsk: [] });
  const after = JSON.parse(readFileSync(file, "utf8")) as Bearer;
  assert.notEqual(after.value, before.value);
  const url = `${shop.deployment().pathUrl}/echo`;
  for (const { value } of [before, after]) await untilAnswer(() => send({ url, headers: { "x-api-key": value } }));
  await cli.json(["key", "delete", oldId, ...inShop]);
  await untilAnswer(() => send({ url, headers: { "x-api-key": before.value } }), 401);
  await untilAnswer(() => send({ url, headers: { "x-api-key": after.value } }));
});

interface Bearer {
  subscriptionKey: { keyId: string };
  value: string;
}

describe("millrace call", () => {
  test("signs with each profile, and sends a subscription key", async () => {
    const access = await key("access", "access.json");
    const bearer = await key("subscription", "bearer.json");
    assert.equal(statSync(access).mode & 0o077, 0, "only its owner reads a saved key");
    const { value } = JSON.parse(readFileSync(bearer, "utf8")) as { value: string };
    await untilAnswer(() => send({ url: `${shop.deployment().pathUrl}/echo`, headers: { "x-api-key": value } }));
    for (const algorithm of ALGORITHMS) {
      const call = ["call", "POST", "/echo?z=1&a=x%20y", "-g", "shop", "--key-file", access, "--profile", algorithm];
      const answer = await cli.json<{ status: number; body: string }>([...call, "-d", '{"a":1}', ...inShop]);
      assert.deepEqual([answer.status, answer.body], [200, '{"a":1}'], algorithm);
    }
    const answer = await cli.json<{ body: string }>([
      "call",
      "GET",
      "/echo",
      "-g",
      "shop",
      "--key-file",
      bearer,
      ...inShop,
    ]);
    assert.equal(answer.body, "nothing");
  });

  test("of a refused call ends with 1 and shows the reason", async () => {
    const { code, stdout, stderr } = await cli.run(["call", "GET", "/echo", "-g", "shop", ...inShop]);
    assert.equal(code, 1);
    assert.match(stdout + stderr, /credential_missing/);
    assert.match(stderr, /^401 /);
  });
});

/** Every mistake ends with a code, nothing on standard output, and one line on standard error. */
function assertOneLine(args: readonly string[], { code, stdout, stderr }: CliResult, expected: [number, RegExp]): void {
  const said = `millrace ${args.join(" ")} → ${code}\n${stdout}${stderr}`;
  assert.equal(code, expected[0], said);
  assert.equal(stdout, "", said);
  assert.equal(stderr.trimEnd().split("\n").length, 1, said);
  assert.match(stderr, expected[1], said);
  assert.doesNotMatch(stderr, /\n\s+at |node:internal|PlatformError/, said);
}

const WRONG_USE = 2;
const MISTAKES: [args: string[], code: number, says: RegExp][] = [
  [["nonsense"], WRONG_USE, /nonsense/],
  [["function", "create"], WRONG_USE, /id/],
  [["function", "create", "1bad"], WRONG_USE, /function_id|<id>|id/],
  [["function", "create", "f", "--timeout-ms", "soon"], WRONG_USE, /--timeout-ms/],
  [["function", "create", "f", "--timeout-ms", "99"], WRONG_USE, /timeout/],
  [["function", "create", "f", "--memory-mib", "64"], WRONG_USE, /memory/],
  [["function", "create", "f", "--set", "novalue"], WRONG_USE, /--set|KEY=value/],
  [["function", "create", "f", "--nonsense"], WRONG_USE, /--nonsense/],
  [["function", "upload", "echo", "no-such-file.mjs"], WRONG_USE, /no-such-file\.mjs/],
  [["function", "get", "missing"], 3, /missing/],
  [["group", "create", "-bad-"], WRONG_USE, /-bad-|group_id|unknown option/],
  [["group", "create", "g", "--access", "some"], WRONG_USE, /--access/],
  [["group", "get", "missing"], 3, /missing/],
  [["api", "create", "read", "-g", "shop", "--method", "FETCH", "--path", "/x"], WRONG_USE, /method/],
  [["api", "create", "read", "--method", "GET", "--path", "/x"], WRONG_USE, /--group/],
  [["api", "create", "new", "-g", "missing", "--method", "GET", "--path", "/x"], 3, /missing/],
  [["release", "create", "-g", "shop", "-e", "production"], WRONG_USE, /--env/],
  [["release", "create", "-g", "shop", "-e", "test", "-r", "9.9.9"], 3, /9\.9\.9/],
  [["release", "create", "-g", "shop", "-e", "test", "-r", "one"], WRONG_USE, /revision/],
  [["release", "rollback", "-g", "shop", "-e", "preview"], 1, /./],
  [["key", "create", "k", "--kind", "golden"], WRONG_USE, /--kind/],
  [["key", "disable", "NOSUCHKEY00000000000"], 3, /NOSUCHKEY/],
  [["authorize", "NOSUCHKEY00000000000", "-g", "shop", "-e", "online"], 3, /NOSUCHKEY/],
  [["call", "GET", "/echo"], WRONG_USE, /--group/],
  [["call", "GET", "echo", "-g", "shop"], WRONG_USE, /path/],
  [["call", "GET", "/echo", "-g", "shop", "-H", "no colon"], WRONG_USE, /--header/],
  [["logs", "--since", "yesterday"], WRONG_USE, /--since/],
  [["logs", "--limit", "many"], WRONG_USE, /--limit/],
  [["requests", "--status", "6xx"], WRONG_USE, /--status/],
  [["requests", "--until", "tomorrow"], WRONG_USE, /--until/],
  [["explain", "a/b"], WRONG_USE, /requests/],
  [["explain", "0123456789abcdef"], 3, /0123456789abcdef/],
  [["deploy", "no-such-folder"], WRONG_USE, /no-such-folder/],
];

describe("a mistake on the command line", () => {
  for (const [args, code, says] of MISTAKES) {
    test(`millrace ${args.join(" ")}`, async () => {
      assertOneLine(args, await cli.run([...args, ...inShop]), [code, says]);
    });
  }

  test("is one JSON document with --output json", async () => {
    const { code, stderr, stdout } = await cli.run(["function", "get", "missing", "--output", "json", ...inShop]);
    const error = JSON.parse(stderr) as Record<string, unknown>;
    assert.deepEqual([code, stdout, error.code, error.reason], [3, "", "not_found", "function_not_found"]);
  });

  test("that names no platform, and one that does not answer, says so", async () => {
    const nowhere = await cli.run(["project", "list"], { env: {} });
    assertOneLine(["project", "list"], nowhere, [4, /login|platform/]);
    const file = join(home, "gone.json");
    const gone = { ...JSON.parse(readFileSync(platform.platformFile, "utf8")), controlPlaneAddress: "127.0.0.1:9" };
    writeFileSync(file, JSON.stringify(gone));
    const silent = await cli.run(["project", "list"], { env: { MILLRACE_PLATFORM_FILE: file } });
    assertOneLine(["project", "list"], silent, [5, /answer|reached/]);
  });

  test("of the password is told without it", async () => {
    const { controlPlaneAddress, authAddress, operator } = platform;
    const args = ["login", "--email", operator.email, "--password-file", "-"];
    const addresses = ["--control-plane", controlPlaneAddress, "--auth", authAddress];
    const result = await cli.run([...args, ...addresses], { stdin: "not-the-password-1234" });
    assertOneLine(args, result, [4, /email|password|credential/i]);
    assert.ok(!result.stderr.includes("not-the-password"));
  });
});

const GOOD = "export const handler = async () => ({ statusCode: 200 });\n";
const OPENAPI = `openapi: 3.1.0
info: { title: Shop, version: 1.0.0 }
paths:
  /x:
    get:
      operationId: getX
      responses: { "200": { description: Fine } }
`;
const MANIFEST = `functions:
  work:
    code: work.mjs
groups:
  deployed:
    openapi: openapi.yaml
    access: none
    environments: [online]
    backend: { function: work }
`;

let folders = 0;

/** A folder to deploy, with some of its files replaced. */
function folderOf(files: Record<string, string>): string {
  const folder = join(home, `deploy-${++folders}`);
  mkdirSync(folder);
  const all = { "millrace.yaml": MANIFEST, "openapi.yaml": OPENAPI, "work.mjs": GOOD, ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text);
  return folder;
}

describe("millrace deploy", () => {
  const broken: Record<string, [files: Record<string, string>, says: RegExp]> = {
    "a syntax error in a function": [{ "work.mjs": `${GOOD}\nconst const = 1;\n` }, /work\.mjs:3:\d+/],
    "an import of what is not there": [
      { "work.mjs": `import "./missing.mjs";\n${GOOD}` },
      /work\.mjs:1:\d+.*missing\.mjs/,
    ],
    "a manifest that is no YAML": [{ "millrace.yaml": "functions:\n  work: [\n" }, /millrace\.yaml:\d+:\d+/],
    "an unknown key of the manifest": [
      { "millrace.yaml": MANIFEST.replace("access: none", "acess: none") },
      /millrace\.yaml:7:\d+.*acess/,
    ],
    "a wrong value of the manifest": [
      { "millrace.yaml": MANIFEST.replace("access: none", "access: open") },
      /millrace\.yaml:7:\d+.*access/,
    ],
    "a file that is not there": [{ "millrace.yaml": MANIFEST.replace("work.mjs", "gone.mjs") }, /gone\.mjs/],
    "a function that is not there": [
      { "millrace.yaml": MANIFEST.replace("function: work", "function: nobody") },
      /nobody/,
    ],
    "an OpenAPI document that is none": [{ "openapi.yaml": "openapi: 3.1.0\n" }, /openapi\.yaml|paths|info/],
    "two operations of one route": [
      { "openapi.yaml": `${OPENAPI}  /{y}:\n    get:\n      operationId: getX\n      responses: {}\n` },
      /getX/,
    ],
  };
  for (const [title, [files, says]] of Object.entries(broken)) {
    test(`refuses ${title}, and names the place`, async () => {
      const args = ["deploy", folderOf(files), "--yes"];
      const result = await cli.run([...args, ...inShop]);
      assert.notEqual(result.code, 0, result.stdout);
      assert.match(result.stderr, says);
      assert.equal(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
    });
  }

  test("applies, then finds nothing to do, then applies what has changed, and a dry run changes nothing", async () => {
    const folder = folderOf({ "millrace.yaml": MANIFEST.replace("deployed:", "planned:") });
    type Plan = { readonly changes?: unknown[] };
    const first = await cli.json<Plan>(["deploy", folder, "--dry-run", ...inShop]);
    assert.ok(JSON.stringify(first).includes("work"));
    assert.equal((await cli.run(["group", "get", "planned", ...inShop])).code, 3);
    await cli.json(["deploy", folder, "--yes", ...inShop]);
    const again = await cli.run(["deploy", folder, "--yes", ...inShop]);
    assert.match(again.stdout, /nothing|up to date|unchanged|no change/i);
    writeFileSync(join(folder, "work.mjs"), GOOD.replace("200", "202"));
    await cli.json(["deploy", folder, "--yes", ...inShop]);
    type Status = { readonly deployments: readonly { readonly name: string; readonly pathUrl: string }[] };
    const { deployments } = await cli.json<Status>(["release", "status", "-g", "planned", ...inShop]);
    const { pathUrl } = deployments.find(({ name }) => name.endsWith("/online"))!;
    await untilAnswer(() => send({ url: `${pathUrl}/x` }), 202);
  });
});
