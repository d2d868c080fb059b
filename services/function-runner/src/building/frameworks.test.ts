import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { until } from "@millrace/testing";
import { ZipFile } from "yazl";
import { ENTRY_FILE, unpackArtifact } from "../artifacts/artifact-format.ts";
import { startTestRunner } from "../runner-fixture.ts";
import { BuildService } from "./build-service.ts";

// Applications that were not written for Millrace, uploaded as a folder with its node_modules.

const runner = await startTestRunner({ after });
const service = new BuildService({ supply: runner.supply, stores: undefined as never });

async function deployApp(code: string, packages: string[], route: object) {
  const archive = new ZipFile();
  archive.addBuffer(Buffer.from(code), "index.js");
  archive.addBuffer(Buffer.from(`{"type":"${code.includes("require(") ? "commonjs" : "module"}"}`), "package.json");
  const added = new Set<string>();
  for (const name of packages) addPackage(archive, name, import.meta.filename, added);
  archive.end();
  const upload = await buffer(archive.outputStream);
  const { artifact } = await service.bundle(upload, { filename: "app.zip", entry: "" });
  const files = Object.fromEntries(unpackArtifact(artifact).map(({ path, content }) => [path, content.toString()]));
  assert.ok(files[ENTRY_FILE]);
  const record = runner.deploy(files, { shape: code.includes("export default") ? "fetch" : "handler" });
  return (options: object) => runner.call(record, { route, ...options });
}

/** Adds an installed package and what it depends on. */
function addPackage(archive: ZipFile, name: string, from: string, added: Set<string>): void {
  const paths = createRequire(from).resolve.paths(name) ?? [];
  const folder = paths.map((path) => join(path, name)).find((path) => existsSync(join(path, "package.json")))!;
  if (added.has(folder)) return;
  added.add(folder);
  const target = folder.slice(folder.lastIndexOf("node_modules/", folder.length - name.length - 2));
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path.slice(folder.length).includes("/node_modules/") || !/\.(c?js|mjs|json)$/.test(path))
      continue;
    archive.addBuffer(readFileSync(path), target + path.slice(folder.length));
  }
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  for (const dependency of Object.keys(dependencies)) addPackage(archive, dependency, join(folder, "index.js"), added);
}

test("an unmodified Hono application runs", async () => {
  const call = await deployApp(
    `import { Hono } from "hono";
     const app = new Hono();
     app.get("/pets/:id", (c) => c.json({ id: c.req.param("id"), q: c.req.query("q") }));
     app.post("/pets", async (c) => c.json(await c.req.json(), 201, { "x-made": "1" }));
     export default app;`,
    ["hono"],
    {},
  );
  const got = await call({ target: "/pets/7?q=a" });
  assert.deepEqual([got.status, JSON.parse(got.body.toString())], [200, { id: "7", q: "a" }]);
  const made = await call({
    method: "POST",
    target: "/pets",
    headers: { "content-type": "application/json" },
    body: `{"name":"Fido"}`,
  });
  assert.deepEqual([made.status, made.headers["x-made"], made.body.toString()], [201, ["1"], `{"name":"Fido"}`]);
  assert.equal((await call({ target: "/nope" })).status, 404);
});

test("an unmodified Express application runs through serverless-http, with both of AWS' formats", async () => {
  const code = `
    const express = require("express");
    const serverless = require("serverless-http");
    const app = express();
    app.use(express.json());
    app.get("/pets/:id", (req, res) => { res.cookie("seen", "1"); res.json({ id: req.params.id, q: req.query.q, ip: req.ip }); });
    app.post("/pets", (req, res) => res.status(201).json(req.body));
    module.exports.handler = serverless(app);`;
  for (const eventFormat of ["aws-1", "aws-2"]) {
    const call = await deployApp(code, ["express", "serverless-http"], { eventFormat });
    const got = await call({ target: "/pets/7?q=a" });
    assert.equal(got.status, 200, `${eventFormat}: ${got.failed} ${runner.lines().join("\n")}`);
    assert.deepEqual(JSON.parse(got.body.toString()), { id: "7", q: "a", ip: "192.0.2.1" });
    assert.match(got.headers["set-cookie"]![0]!, /^seen=1/);
    const made = await call({
      method: "POST",
      target: "/pets",
      headers: { "content-type": "application/json" },
      body: `{"name":"Fido"}`,
    });
    assert.deepEqual([made.status, made.body.toString()], [201, `{"name":"Fido"}`]);
  }
});

test("what a function throws is logged with places in its own source, console.error included", async () => {
  const source = `interface Long {\n  a: string;\n}\nexport class Shop {\n  sell(): never {\n    throw new TypeError("sold out");\n  }\n}`;
  const code = `import { Shop } from "./lib/shop.ts";\nexport const handler = () => {\n  console.error(new Error("printed"));\n  new Shop().sell();\n};`;
  const archive = new ZipFile();
  archive.addBuffer(Buffer.from(code), "index.ts");
  archive.addBuffer(Buffer.from(source), "lib/shop.ts");
  archive.end();
  const upload = await buffer(archive.outputStream);
  const { artifact } = await service.bundle(upload, { filename: "app.zip", entry: "" });
  const files = unpackArtifact(artifact).map(({ path, content }) => [path, content.toString()]);
  const answer = await runner.call(runner.deploy(Object.fromEntries(files)));
  assert.equal(answer.failed, "function_error");
  const lines = await until(() => runner.published.at(-1)?.lines.map(({ message }) => message));
  assert.match(lines[0]!, /^Error: printed\n {4}at .*\(index\.ts:3:17\)/);
  assert.doesNotMatch(lines.join(), /instance\.mjs/);
  assert.match(lines[1]!, /^TypeError: sold out\n {4}at .*\(lib\/shop\.ts:6:11\)\n {4}at .*\(index\.ts:4:14\)/);
});
