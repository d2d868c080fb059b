import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { until } from "@millrace/testing";
import { build, stop } from "esbuild";
import { ZipFile } from "yazl";
import { unpackArtifact } from "../artifacts/artifact-format.ts";
import { startTestRunner } from "../runner-fixture.ts";
import { BuildService } from "./build-service.ts";
import { tryLoad } from "./trial-load.ts";

// What goes wrong in a function is told at the place where its author wrote it.

const runner = await startTestRunner({ after });
const service = new BuildService({ supply: runner.supply, stores: undefined as never });

type Files = Record<string, string>;

async function upload(files: Files): Promise<Buffer> {
  const archive = new ZipFile();
  for (const [path, content] of Object.entries(files)) archive.addBuffer(Buffer.from(content), path);
  archive.end();
  return await buffer(archive.outputStream);
}

/** Builds an upload and deploys it. */
async function deploy(files: Files, options: Parameters<typeof runner.deploy>[1] = {}) {
  const { artifact } = await service.bundle(await upload(files), { filename: "code.zip", entry: "" });
  const unpacked = unpackArtifact(artifact).map(({ path, content }) => [path, Buffer.from(content).toString()]);
  return runner.deploy(Object.fromEntries(unpacked), options);
}

/** Calls it, and answers the first line of output with `mark` in it, of which no line may name a folder of the sandbox. */
async function lineOf(record: Awaited<ReturnType<typeof deploy>>, mark: string, target = "/"): Promise<string> {
  await runner.call(record, { target });
  const found = () => runner.lines().find((line) => line.includes(mark));
  await until(() => found() !== undefined);
  for (const line of runner.lines())
    assert.doesNotMatch(line, /\/code\/|\/runtime\/|index\.mjs\.map|file:\/\/\/tmp/, line);
  return found()!;
}

/** A shop in TypeScript, whose bank refuses on line 10 of `src/payment.ts`. */
const SHOP: Files = {
  "index.ts": `import { charge } from "./src/payment.ts";
interface Order {
  id: string;
}
export const handler = async (event: { detail: { path: string } }) => {
  const order: Order = { id: event.detail.path };
  await charge(order);
};`,
  "src/payment.ts": `interface Order {
  id: string;
}
class Bank {
  debit({ id }: Order): never {
    throw refusal(id);
  }
}
function refusal(id: string): Error {
  return new RangeError(\`no money for \${id}\`);
}
async function charge(order: Order): Promise<void> {
  await null;
  new Bank().debit(order);
}
export { charge };`,
};

test("a stack is in the lines of TypeScript, across awaits, with the names of its functions", async () => {
  const record = await deploy(SHOP);
  assert.equal(
    await lineOf(record, "no money for /typed", "/typed"),
    [
      "error: RangeError: no money for /typed",
      "    at refusal (src/payment.ts:10:10)",
      "    at Bank.debit (src/payment.ts:6:11)",
      "    at charge (src/payment.ts:14:14)",
      "    at process.processTicksAndRejections (node:internal/process/task_queues:104:5)",
      "    at async handler (index.ts:7:3)",
    ].join("\n"),
  );
});

test("packages are named as they lie in the upload", async () => {
  const record = await deploy(
    {
      "index.mjs": `import { pad } from "padder";\nexport default { fetch: () => pad(7) };`,
      "node_modules/padder/package.json": `{"name":"padder","main":"lib/pad.js"}`,
      "node_modules/padder/lib/pad.js": `\nexports.pad = function pad(text) {\n  return text.padStart(3);\n};`,
    },
    { shape: "fetch" },
  );
  const line = await lineOf(record, "padStart is not a function");
  assert.match(
    line,
    /\n {4}at .*pad \(node_modules\/padder\/lib\/pad\.js:3:15\)\n {4}at Object\.fetch \(index\.mjs:2:31\)/,
  );
});

for (const where of ["a file", "the code itself"]) {
  test(`an upload that came bundled and minified is told by its own map, which is in ${where}`, async () => {
    const bundled = await bundleBefore(where === "a file" ? "linked" : "inline");
    const record = await deploy(bundled, { project: `minified-${where.length}` });
    const mark = `/minified-${where.length}`;
    const line = await lineOf(record, `no money for ${mark}`, mark);
    assert.match(
      line,
      /\n {4}at refusal \(src\/payment\.ts:10:10\)\n {4}at .*debit \(src\/payment\.ts:6:11\)\n[\s\S]*\n {4}at async \S+ \(index\.ts:7:3\)$/,
    );
  });
}

test("an upload that came minified without its map is told at its own line", async () => {
  const { "dist/app.js": code, "package.json": manifest } = await bundleBefore("linked");
  const record = await deploy({
    "dist/app.js": code!.replace(/^\/\/# sourceMappingURL.*$/m, ""),
    "package.json": manifest!,
  });
  const line = await lineOf(record, "no money for /plain", "/plain");
  assert.match(line, /\n {4}at \S+ \(dist\/app\.js:\d+:\d+\)\n/);
});

/** The shop as a tool of its author's would bundle it, without the sources' text. */
async function bundleBefore(sourcemap: "linked" | "inline"): Promise<Files> {
  const { outputFiles } = await build({
    stdin: { contents: SHOP["index.ts"]!, sourcefile: "index.ts", resolveDir: "/shop", loader: "ts" },
    plugins: [
      {
        name: "shop",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /payment/ }, () => ({ path: "/shop/src/payment.ts", namespace: "file" }));
          onLoad({ filter: /payment/ }, () => ({ contents: SHOP["src/payment.ts"]!, loader: "ts" }));
        },
      },
    ],
    absWorkingDir: "/",
    sourceRoot: "",
    bundle: true,
    minify: true,
    write: false,
    platform: "node",
    format: "cjs",
    sourcemap,
    sourcesContent: false,
    outfile: "/shop/dist/app.js",
  });
  await stop();
  const files = outputFiles.map(({ path, text }) => [path.slice("/shop/".length), text]);
  return { ...Object.fromEntries(files), "package.json": `{"main":"dist/app.js"}` };
}

/** One function that does what its path says; what each prints is told at the line of its author's that is named. */
const FAULTS: Files = {
  "index.ts": `type Event = { detail: { path: string } };
const made = (text: string): Error => new Error(text);
const faults: Record<string, () => unknown> = {
  "/console": () => console.error(made("console")),
  "/nested": () => console.log({ err: made("nested") }),
  "/printed": () => console.log(made("printed").stack),
  "/cause": () => { throw new Error("outer", { cause: made("inner") }); },
  "/gathered": () => { throw new AggregateError([made("one"), made("two")], "all of them"); },
  "/rejected": () => void Promise.reject(made("rejected")),
  "/thrown-late": () => new Promise(() => setTimeout(() => { throw made("late"); }, 1)),
  "/any": () => Promise.any([Promise.reject(made("first")), Promise.reject(made("second"))]),
  "/string": () => { throw "only a string"; },
  "/object": () => { throw { code: 7, why: "only an object" }; },
};
export const handler = async (event: Event) => {
  await faults[event.detail.path]!();
  return { statusCode: 204 };
};`,
};

test("however an error comes to be told, it is told in its author's lines", async () => {
  const record = await deploy(FAULTS, { project: "faults" });
  const at = /\n\s+at made \(index\.ts:2:39\)\n/;
  assert.match(await lineOf(record, "Error: console", "/console"), at);
  assert.match(await lineOf(record, "Error: nested", "/nested"), at);
  assert.match(await lineOf(record, "Error: printed", "/printed"), at);
  assert.match(await lineOf(record, "Error: rejected", "/rejected"), at);
  assert.match(await lineOf(record, "Uncaught Error: late", "/thrown-late"), at);
  assert.match(
    await lineOf(record, "Error: outer", "/cause"),
    /\ncaused by: Error: inner\n {4}at made \(index\.ts:2:39\)\n/,
  );
  const gathered = await lineOf(record, "all of them", "/gathered");
  assert.match(gathered, /\n {4}at .*\(index\.ts:8:30\)\n/);
  assert.match(
    gathered,
    /\nerrors\[0\]: Error: one\n {4}at made \(index\.ts:2:39\)\n[\s\S]*\nerrors\[1\]: Error: two\n {4}at made /,
  );
  assert.match(
    await lineOf(record, "All promises were rejected", "/any"),
    /errors\[1\]: Error: second\n {4}at made \(index\.ts:2:39\)/,
  );
  assert.equal(await lineOf(record, "only a string", "/string"), "error: only a string");
  assert.equal(await lineOf(record, "only an object", "/object"), "error: { code: 7, why: 'only an object' }");
});

test("a function that prepares stacks itself is given what it knows, and the log still has its author's lines", async () => {
  const record = await deploy(
    {
      "index.ts": `type Site = { getFileName(): string; getLineNumber(): number; getColumnNumber(): number };
Object.assign(Error, {
  prepareStackTrace: (error: Error, sites: Site[]) => \`own \${error.message}\\n\` + sites
    .map((site) => \`    at \${site.getFileName()}:\${site.getLineNumber()}:\${site.getColumnNumber()}\`).join("\\n"),
});
export const handler = async () => {
  console.error(new Error("prepared").stack);
  Object.assign(Error, { prepareStackTrace: (_: Error, sites: Site[]) => sites });
  throw new Error("as sites");
};`,
    },
    { project: "prepares" },
  );
  assert.match(await lineOf(record, "own prepared"), /^error: own prepared\n {4}at index\.ts:7:17\n/);
  assert.match(await lineOf(record, "as sites"), /^error: Error: as sites\n {4}at .*handler \(index\.ts:9:9\)\n/);
});

test("what a function says of its own stack to its callers names no folder either", async () => {
  const record = await deploy(
    {
      "src/index.ts": `export default {\n  fetch(): Response {\n    return new Response(new Error("told").stack);\n  },\n};`,
    },
    { shape: "fetch" },
  );
  const { body } = await runner.call(record);
  assert.equal(body.toString(), "Error: told\n    at Object.fetch (src/index.ts:3:25)");
});

test("a fault while the code is loaded is told in the findings of the build, and in the log when it comes later", async () => {
  const files = {
    "src/index.ts": `interface A {\n  a: string;\n}\nif (process.env.LATER) throw new TypeError("not configured");\nexport const handler = () => 1;`,
  };
  const record = await deploy(files, { environment: { LATER: "1" } });
  assert.equal((await runner.call(record)).failed, "function_init_failed");
  await until(() => runner.lines().some((line) => /TypeError: not configured\n {4}at src\/index\.ts:4:30/.test(line)));
  const always = { "src/index.ts": files["src/index.ts"].replace("process.env.LATER", "true") };
  const bundled = await service.bundle(await upload(always), { filename: "code.zip", entry: "" });
  await assert.rejects(tryLoad(runner.supply, bundled, ""), (error: { fault?: { findings: object[] } }) => {
    const [finding] = error.fault!.findings;
    assert.deepEqual(finding, {
      file: "src/index.ts",
      line: 4,
      column: 17,
      message: "The code was bundled but does not load: not configured",
    });
    return true;
  });
});

test("an error of a large bundle costs the function little of its memory", async () => {
  const parts = Array.from(
    { length: 20_000 },
    (_, at) => `export function part${at}(value: number) { return value * ${at} + Math.max(value, ${at}) - value; }`,
  );
  const record = await deploy({
    "index.ts": `import * as parts from "./parts.ts";
const all = Object.values(parts);
export const handler = async () => {
  const before = process.memoryUsage().heapUsed;
  const { stack } = new Error("large");
  return { statusCode: 200, body: JSON.stringify({ heap: process.memoryUsage().heapUsed - before, stack, parts: all.length }) };
};`,
    "parts.ts": parts.join("\n"),
  });
  const answer = JSON.parse((await runner.call(record)).body.toString());
  assert.equal(answer.parts, 20_000);
  assert.match(answer.stack, /at handler \(index\.ts:5:21\)/);
  // Node's own keeps over 20 MiB for it.
  assert.ok(answer.heap < 8 * 1024 ** 2, `${answer.heap} bytes`);
});
