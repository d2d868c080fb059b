import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { digestOf } from "@millrace/bus";
import fc from "fast-check";
import { ArtifactCache } from "./artifact-cache.ts";
import { isArtifactPath, packArtifact, unpackArtifact } from "./artifact-format.ts";

const artifact = (text: string) =>
  packArtifact([
    { path: "index.mjs", content: Buffer.from(text) },
    { path: "a/b.txt", content: Buffer.from("b") },
  ]);

test("what is packed unpacks to the same files, in order of their paths", () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,8}$/);
  const file = fc.record({
    path: fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/")),
    content: fc.uint8Array(),
  });
  fc.assert(
    fc.property(fc.uniqueArray(file, { selector: ({ path }) => path }), (files) => {
      const all = [
        { path: "index.mjs", content: new Uint8Array([1]) },
        ...files.flatMap(({ path, content }) => (path === "index.mjs" ? [] : [{ path, content }])),
      ];
      const unpacked = unpackArtifact(packArtifact(all)).map(({ path, content }) => ({
        path,
        content: new Uint8Array(content),
      }));
      assert.deepEqual(
        unpacked,
        all.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      );
    }),
  );
});

test("damaged bytes unpack to an error or to harmless paths, never elsewhere", () => {
  const bytes = Buffer.from([0x4d, 0x41, 1]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (tail) => {
      try {
        for (const { path } of unpackArtifact(gzipSync(Buffer.concat([bytes, tail])))) assert.ok(isArtifactPath(path));
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof assert.AssertionError));
      }
    }),
  );
  for (const path of ["../a", "/a", "a//b", "a/./b", "a\\b", "a\0b", "", "a/", "x".repeat(513)]) {
    assert.equal(isArtifactPath(path), false, path);
  }
});

function openCache(t: TestContext, fetched: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-artifacts-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const known = new Map(["one", "two"].map((text) => [digestOf(artifact(text)), artifact(text)]));
  const open = () =>
    new ArtifactCache(join(folder, "artifacts"), async (digest) => {
      fetched.push(digest);
      const bytes = known.get(digest);
      if (!bytes) throw new Error("unknown");
      return bytes;
    });
  return { folder, open, digests: [...known.keys()] as [string, string] };
}

test("an artifact is fetched once, also by two at a time and after a restart", async (t) => {
  const fetched: string[] = [];
  const { folder, open, digests } = openCache(t, fetched);
  const cache = open();
  await Promise.all([cache.ensure(digests[0]), cache.ensure(digests[0])]);
  await open().ensure(digests[0]);
  assert.deepEqual(fetched, [digests[0]]);
  assert.equal(statSync(join(folder, "artifacts")).mode & 0o777, 0o700);
});

test("a placed artifact is read-only and stays when the cache forgets it", async (t) => {
  const { folder, open, digests } = openCache(t, []);
  const cache = open();
  await cache.ensure(digests[0]);
  mkdirSync(join(folder, "code"));
  for (let times = 0; times < 2; times++) cache.placeInto(digests[0], join(folder, "code"));
  const placed = join(folder, "code", digests[0]);
  rmSync(join(folder, "artifacts", digests[0]), { recursive: true });
  assert.equal(readFileSync(join(placed, "index.mjs"), "utf8"), "one");
  assert.equal(readFileSync(join(placed, "a/b.txt"), "utf8"), "b");
  assert.equal(statSync(join(placed, "index.mjs")).mode & 0o777, 0o444);
});

test("a failed fetch is tried again, and leaves nothing behind", async (t) => {
  const fetched: string[] = [];
  const { folder, open } = openCache(t, fetched);
  const cache = open();
  const unknown = "0".repeat(64);
  await assert.rejects(cache.ensure(unknown), /unknown/);
  await assert.rejects(cache.ensure(unknown), /unknown/);
  assert.equal(fetched.length, 2);
  assert.equal(existsSync(join(folder, "artifacts", unknown)), false);
});
