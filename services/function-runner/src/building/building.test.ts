import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ZipFile } from "yazl";
import { unpackArtifact } from "../artifacts/artifact-format.ts";
import { ARTIFACT_LIMITS } from "../limits.ts";
import { startTestSupply } from "../runner-fixture.ts";
import { BuildRefused } from "./build-report.ts";
import { BuildService } from "./build-service.ts";
import { tryLoad } from "./trial-load.ts";

const HANDLER = "export const handler = async () => ({ statusCode: 200 });";
const { supply } = await startTestSupply({ after });
const service = new BuildService({ supply, stores: undefined as never });

/** Bundles an upload of one file or of several, and loads what came of it. */
async function build(
  files: string | Record<string, string | Buffer>,
  { filename = "index.mjs", entry = "", handler = "" } = {},
) {
  const upload = typeof files === "string" ? Buffer.from(files) : await zip(files);
  const bundled = await service.bundle(upload, { filename, entry });
  return { ...(await tryLoad(supply, bundled, handler)), files: unpackArtifact(bundled.artifact) };
}

async function refused(...upload: Parameters<typeof build>) {
  const error = await build(...upload).then(
    () => assert.fail("it was built"),
    (error: unknown) => error,
  );
  assert.ok(error instanceof BuildRefused, String((error as Error).stack));
  return error.fault;
}

async function zip(files: Record<string, string | Buffer>, options = {}): Promise<Buffer> {
  const archive = new ZipFile();
  for (const [path, content] of Object.entries(files)) archive.addBuffer(Buffer.from(content), path, options);
  archive.end();
  return await buffer(archive.outputStream);
}

/** An archive whose bytes were changed after it was made, as no honest tool would make it. */
const patched = (archive: Buffer, from: string, to: string) =>
  Buffer.from(archive.toString("latin1").replaceAll(from, to), "latin1");

test("one file of JavaScript or TypeScript is an upload; its shape and exports are found", async () => {
  const js = await build(`export const handler = async () => ({ statusCode: 200 }); export const other = 1;`);
  assert.equal(js.shape, "handler");
  assert.deepEqual(js.exports.toSorted(), ["handler", "other"]);
  const ts = await build(
    `interface A { a: string } enum E { X } export default { fetch: (_: Request): Response => new Response(E[E.X]) };`,
    {
      filename: "app.ts",
    },
  );
  assert.equal(ts.shape, "fetch");
});

test("CommonJS is accepted: require, module.exports, __dirname, built-in modules", async () => {
  const { shape, exports } = await build(
    {
      "index.js": `const path = require("path"); const lib = require("./lib"); const data = require("./data.json");
        module.exports.handler = async () => ({ statusCode: 200, body: path.join(__dirname, lib.name, data.x) });
        if (typeof __filename !== "string") throw new Error("no __filename");`,
      "lib.js": `exports.name = require("node:os").EOL;`,
      "data.json": `{"x":"y"}`,
    },
    { filename: "code.zip" },
  );
  assert.equal(shape, "handler");
  assert.ok(exports.includes("handler"));
});

test("code that declares require and __dirname itself is bundled as well", async () => {
  const code = `import { createRequire } from "node:module"; import path from "node:path"; import { fileURLToPath } from "node:url";
    const require = createRequire(import.meta.url); const __filename = fileURLToPath(import.meta.url); const __dirname = path.dirname(__filename);
    export const handler = () => require("node:os").EOL + __dirname;`;
  assert.equal((await build(code)).shape, "handler");
});

test("packages in node_modules are bundled, other files are kept, code and dot files are not", async () => {
  const { files } = await build(
    {
      "package.json": `{"main":"src/start.js","type":"module"}`,
      "src/start.js": `import { pad } from "padder"; export const handler = () => pad;`,
      "node_modules/padder/package.json": `{"name":"padder","main":"lib.js"}`,
      "node_modules/padder/lib.js": `exports.pad = 1;`,
      "templates/page.txt": "hello",
      ".env": "SECRET=1",
    },
    { filename: "code.zip" },
  );
  assert.deepEqual(
    files.map(({ path }) => path),
    ["index.mjs", "index.mjs.map", "package.json", "templates/page.txt"],
  );
});

test("the same upload gives the same artifact", async () => {
  const upload = { filename: "index.mjs", entry: "" };
  const digests = [1, 2].map(async () => {
    const { artifact } = await service.bundle(Buffer.from("export const handler = 1;"), upload);
    return createHash("sha256").update(artifact).digest("hex");
  });
  const [first, second] = await Promise.all(digests);
  assert.equal(first, second);
});

test("more files than an artifact may hold are refused, and the runner goes on", async () => {
  const assets = Object.fromEntries(Array.from({ length: ARTIFACT_LIMITS.filesMax - 1 }, (_, i) => [`${i}.txt`, ""]));
  const { reason, findings } = await refused({ "index.js": HANDLER, ...assets }, { filename: "code.zip" });
  assert.equal(reason, "upload_too_large");
  assert.match(findings[0]!.message, /20001 files; there may be 20000/);
});

test("a file whose path no artifact may hold is refused by its name", async () => {
  const { reason, findings } = await refused(
    { "index.js": HANDLER, "odd\u0007name.txt": "" },
    { filename: "code.zip" },
  );
  assert.deepEqual([reason, findings[0]!.file], ["archive_refused", "odd\u0007name.txt"]);
});

test("an artifact that cannot be placed costs the trial, and nothing waits for it afterwards", async () => {
  await assert.rejects(tryLoad(supply, { artifact: gzipSync("no artifact"), entry: "index.js" }, ""), /no artifact/);
  assert.equal((await build(HANDLER)).shape, "handler");
});

test("broken code is refused with file, line, column and what is wrong", async () => {
  const syntax = await refused({ "index.ts": `export const a = 1;\n\nconst = 2;` }, { filename: "code.zip" });
  assert.deepEqual(syntax, {
    reason: "code_invalid",
    findings: [{ file: "index.ts", line: 3, column: 7, message: `Expected identifier but found "="` }],
  });
  const missing = await refused(
    { "index.js": `import "./a.js";`, "a.js": `\nimport x from "left-pad-2";` },
    { filename: "code.zip" },
  );
  assert.equal(missing.findings[0]!.file, "a.js");
  assert.equal(missing.findings[0]!.line, 2);
  assert.match(missing.findings[0]!.message, /Could not resolve "left-pad-2"/);
});

test("code that throws when it is loaded is refused at the place in its own source", async () => {
  const fault = await refused(
    {
      "index.ts": `import "./lib/boom.ts";\nexport const handler = 1;`,
      "lib/boom.ts": `interface Long {\n  a: string;\n}\nfunction boom(): never {\n  throw new Error("no luck");\n}\nboom();`,
    },
    { filename: "code.zip" },
  );
  assert.equal(fault.reason, "code_invalid");
  const [finding] = fault.findings;
  assert.deepEqual([finding!.file, finding!.line, finding!.column], ["lib/boom.ts", 5, 9]);
  assert.match(finding!.message, /does not load: no luck/);
});

test("code without a handler is refused, and told which exports it has", async () => {
  const fault = await refused(`export const handle = async () => 1;`);
  assert.match(fault.findings[0]!.message, /exports no `handler`, .* it exports handle\./);
  assert.deepEqual([fault.findings[0]!.file, fault.findings[0]!.line], ["index.mjs", 0]);
  assert.match((await refused(`export const handler = 7;`)).findings[0]!.message, /`handler` is no function/);
  const named = await refused(`export const handler = () => 1;`, { handler: "run" });
  assert.match(named.findings[0]!.message, /exports no `run`/);
});

test("code that hangs, ends its process or eats memory while it loads is refused", async () => {
  assert.match((await refused(`process.exit(1);`)).findings[0]!.message, /ends its process/);
  const hungry = `const kept = []; for (;;) kept.push(new Array(1e7).fill(1)); export {};`;
  assert.match((await refused(hungry)).findings[0]!.message, /needs over 512 MiB|ends its process/);
});

test("nothing outside the upload is bundled, whatever leads there", async () => {
  const attempts: Record<string, [string, RegExp]> = {
    "absolute path": [`import text from "/etc/passwd";`, /absolute path/],
    "path upwards": [`import text from "../../../../../../etc/hostname";`, /leads out of the upload/],
    "file URL": [`import text from "file:///etc/hostname";`, /is a URL/],
    "http URL": [`import text from "https://example.com/a.js";`, /is a URL/],
    "require upwards": [`const text = require("../../../secret.json");`, /leads out of the upload/],
    "import upwards": [`const text = await import("../secret.mjs");`, /leads out of the upload/],
    "a module that Node lacks": [`import x from "node:nope";`, /no module of Node/],
    "native addon": [`import addon from "./addon.node";`, /native addon/],
  };
  for (const [name, [code, why]] of Object.entries(attempts)) {
    const fault = await refused({ "index.mjs": `\n${code}\nexport const handler = 1;` }, { filename: "code.zip" });
    assert.equal(fault.findings[0]!.file, "index.mjs", name);
    assert.equal(fault.findings[0]!.line, 2, name);
    assert.match(fault.findings[0]!.message, why, name);
  }
});

test("a pattern, a source map or a tsconfig cannot lead outside either", async () => {
  // The upload as it came lies two folders above the code.
  const pattern = `\nconst text = await import("../../code/" + process.argv[2]);\nexport const handler = 1;`;
  const { findings } = await refused(pattern);
  assert.deepEqual(findings, [
    { file: "index.mjs", line: 2, column: 27, message: "This import leads out of the upload" },
  ]);
  const { files } = await build(
    {
      "index.js": `export const handler = () => 1;\n//# sourceMappingURL=../../../../../../etc/passwd`,
      "tsconfig.json": `{ "extends": "../../../../../../etc/passwd", "compilerOptions": { "paths": { "x": ["/etc/passwd"] } } }`,
    },
    { filename: "code.zip" },
  );
  const map = JSON.parse(files.find(({ path }) => path === "index.mjs.map")!.content.toString());
  assert.deepEqual(map.sources, ["index.js"]);
});

test("paths that leave the archive are refused", async () => {
  const archive = await zip({ "index.js": "export const handler = 1;", "AAAAAAAA.txt": "x" });
  for (const path of [
    "../../aa.txt",
    "/tmp/aaa.txt",
    "a/../../b.txt",
    "..\\..\\aa.txt",
    "C:/aaaaa.txt",
    "a//b/ccc.txt",
    "./aaaaaa.txt",
  ]) {
    const name = path.padEnd(12, "x").slice(0, 12);
    const fault = await service
      .bundle(patched(archive, "AAAAAAAA.txt", name), { filename: "a.zip", entry: "" })
      .catch((error: BuildRefused) => error.fault);
    assert.equal((fault as { reason?: string }).reason, "archive_refused", name);
  }
});

test("links and special files in an archive are refused", async () => {
  for (const mode of [0o120777, 0o010644, 0o060644]) {
    const archive = await zip({ "index.js": "export const handler = 1;", link: "/etc/passwd" }, { mode: 0o100644 });
    const at = archive.lastIndexOf(Buffer.from("link"));
    archive.writeUInt32LE((mode << 16) >>> 0, at - 8);
    const fault = await service.bundle(archive, { filename: "a.zip", entry: "" }).catch((e: BuildRefused) => e.fault);
    assert.deepEqual(fault, {
      reason: "archive_refused",
      findings: [
        {
          file: "link",
          line: 0,
          column: 0,
          message: "The archive holds a link or a special file; only files and folders are taken.",
        },
      ],
    });
  }
});

test("bombs are refused: by ratio, by size, by a lie about the size", async () => {
  const bomb = await refused(
    { "index.js": "export const handler = 1;", zeros: Buffer.alloc(20 << 20) },
    { filename: "a.zip" },
  );
  assert.match(bomb.findings[0]!.message, /200 times/);
  const big = await zip({ "index.js": "export const handler = 1;", big: randomBytes(2048) }, { compress: false });
  const lying = Buffer.from(big);
  const at = lying.lastIndexOf(Buffer.from("big"));
  lying.writeUInt32LE(1 << 30, at - 46 + 24);
  const fault = await service.bundle(lying, { filename: "a.zip", entry: "" }).catch((e: BuildRefused) => e.fault);
  assert.equal((fault as { reason?: string }).reason, "archive_refused");
});

test("the same path twice, and a path that is file and folder, are refused", async () => {
  const archive = await zip({ "index.js": "export const handler = 1;", "a.txt": "1", "b.txt": "2" });
  const twice = await service
    .bundle(patched(archive, "b.txt", "a.txt"), { filename: "a.zip", entry: "" })
    .catch((e: BuildRefused) => e.fault);
  assert.match((twice as { findings: { message: string }[] }).findings[0]!.message, /same path twice/);
  const both = await refused({ "index.js": "export const handler = 1;", a: "1", "a/b": "2" }, { filename: "a.zip" });
  assert.match(both.findings[0]!.message, /both a file and a folder|same path twice/);
});

test("what is no archive and no code is refused", async () => {
  assert.equal((await refused("hello", { filename: "notes.txt" })).reason, "archive_refused");
  assert.equal((await refused("PK nothing", { filename: "a.zip" })).reason, "archive_refused");
  assert.match(
    (await refused({ "readme.md": "x", "b.md": "y" }, { filename: "a.zip" })).findings[0]!.message,
    /no entry/,
  );
  const entry = await refused({ "index.js": "export const handler = 1;" }, { filename: "a.zip", entry: "../index.js" });
  assert.match(entry.findings[0]!.message, /no file of the upload/);
});
