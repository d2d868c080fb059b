import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { folderWith } from "../command-line-fixture.ts";
import { dependencyClosure } from "./dependency-closure.ts";
import { folderFiles } from "./folder-files.ts";
import { packCode } from "./pack-code.ts";

const FILES = {
  "index.ts": "export {}",
  "lib/b.ts": "b",
  "lib/a.ts": "a",
  ".git/HEAD": "x",
  ".env": "S=1",
  ".npmrc": "token",
};

test("a folder is packed without hidden files, which hold tools' state and secrets, in order", (t) => {
  const folder = folderWith(t, FILES);
  assert.deepEqual(
    folderFiles(folder, "").map(({ path }) => path),
    ["index.ts", "lib/a.ts", "lib/b.ts"],
  );
  const leaveOutPaths = [join(folder, "lib/a.ts")];
  assert.equal(folderFiles(folder, "", { leaveOutPaths }).length, 2);
});

test("the same files become the same bytes, whenever and wherever they were written", async (t) => {
  const first = folderWith(t, FILES);
  const second = folderWith(t, Object.fromEntries(Object.entries(FILES).reverse()));
  utimesSync(join(second, "index.ts"), 1, 1);
  const { digest } = await packCode(first);
  assert.equal((await packCode(second)).digest, digest);
  assert.equal(await digestIn("Asia/Tokyo", first), digest);
  assert.equal(await digestIn("America/New_York", first), digest);
});

test("a changed byte, a renamed file and another entry make another digest", async (t) => {
  const folder = folderWith(t, FILES);
  const digests = [(await packCode(folder)).digest, (await packCode(folder, { entry: "lib/a.ts" })).digest];
  writeFileSync(join(folder, "lib/a.ts"), "c");
  digests.push((await packCode(folder)).digest);
  rmSync(join(folder, "lib/b.ts"));
  writeFileSync(join(folder, "lib/c.ts"), "b");
  digests.push((await packCode(folder)).digest);
  assert.equal(new Set(digests).size, 4);
});

test("a link within the folder is followed, one that leads out is refused", (t) => {
  const outside = folderWith(t, { "secret.txt": "canary" });
  const folder = folderWith(t, FILES);
  symlinkSync("lib", join(folder, "copy"));
  assert.ok(folderFiles(folder, "").some(({ path }) => path === "copy/a.ts"));
  for (const target of [join(outside, "secret.txt"), outside, "/etc/hostname", join(folder, "missing")]) {
    const link = join(folder, "lib/link");
    symlinkSync(target, link);
    assert.throws(
      () => folderFiles(folder, ""),
      /^PlatformError: (lib|copy)\/link: is a link that leads (out of the folder|nowhere)/,
    );
    rmSync(link);
  }
});

test("a link to a folder above ends instead of going round", (t) => {
  const folder = folderWith(t, FILES);
  symlinkSync("..", join(folder, "lib/up"));
  assert.throws(() => folderFiles(folder, ""), /lib\/up: is a link to a folder that it is in/);
});

test("a file that is no code is refused", async (t) => {
  const folder = folderWith(t, { "notes.txt": "" });
  await assert.rejects(packCode(join(folder, "notes.txt")), /notes\.txt: must be a folder or end in \.js/);
});

function installed(name: string, version: string, dependencies: Record<string, string> = {}) {
  return JSON.stringify({ name, version, dependencies });
}

test("a program's packages are found above it and placed so that the same lookups find the same versions", (t) => {
  const root = folderWith(t, {
    "app/package.json": installed("app", "1.0.0", { a: "1", b: "1" }),
    "app/index.ts": "",
    "node_modules/a/package.json": installed("a", "1.0.0", { c: "1" }),
    "node_modules/b/package.json": installed("b", "1.0.0", { c: "2" }),
    "node_modules/c/package.json": installed("c", "1.0.0"),
    "node_modules/b/node_modules/c/package.json": installed("c", "2.0.0", { a: "1" }),
    "node_modules/unused/package.json": installed("unused", "1.0.0"),
  });
  const placed = dependencyClosure(join(root, "app")).map(
    ({ place, folder }) => `${place} ${folder.slice(root.length + 1)}`,
  );
  assert.deepEqual(placed, [
    "node_modules/a/ node_modules/a",
    "node_modules/b/ node_modules/b",
    "node_modules/b/node_modules/c/ node_modules/b/node_modules/c",
    "node_modules/c/ node_modules/c",
  ]);
});

test("a dependency that is not installed is named; an optional or peer one may be missing", (t) => {
  const root = folderWith(t, { "package.json": installed("app", "1.0.0", { gone: "1" }) });
  assert.throws(() => dependencyClosure(root), /package\.json: the dependency gone is not installed/);
  const optional = JSON.stringify({ optionalDependencies: { gone: "1" }, peerDependencies: { other: "1" } });
  writeFileSync(join(root, "package.json"), optional);
  assert.deepEqual(dependencyClosure(root), []);
});

test("packages are packed without what only people and compilers read", async (t) => {
  const root = folderWith(t, {
    "package.json": installed("app", "1.0.0", { a: "1" }),
    "README.md": "of the program",
    "node_modules/a/package.json": installed("a", "1.0.0"),
    "node_modules/a/index.js": "",
    "node_modules/a/index.d.ts": "",
    "node_modules/a/README.md": "",
  });
  const before = await packCode(root);
  mkdirSync(join(root, "node_modules/extraneous"));
  writeFileSync(join(root, "node_modules/extraneous/index.js"), "");
  writeFileSync(join(root, "node_modules/a/CHANGES.md"), "");
  assert.equal((await packCode(root)).digest, before.digest);
  assert.match(before.bytes.toString("latin1"), /node_modules\/a\/index\.js/);
  assert.doesNotMatch(before.bytes.toString("latin1"), /index\.d\.ts|node_modules\/a\/README/);
});

/** The digest as another process in another time zone sees it. */
async function digestIn(zone: string, folder: string): Promise<string> {
  const module = fileURLToPath(new URL("./pack-code.ts", import.meta.url));
  const script = `import { packCode } from ${JSON.stringify(module)}; console.log((await packCode(${JSON.stringify(folder)})).digest)`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { env: { TZ: zone } });
  return output.toString().trim();
}
