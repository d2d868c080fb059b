import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalPath } from "./canonical-path.ts";

const pathOf = (path: string) => {
  const canonical = canonicalPath(path);
  return "fault" in canonical ? null : canonical.path;
};

const pieces = fc.constantFrom(
  ..."/",
  "a",
  "Z",
  "0",
  "~",
  ".",
  "..",
  ";",
  ":",
  "%",
  "%2",
  "%2e",
  "%2E",
  "%41",
  "%7e",
  "%2f",
  "%5C",
  "\\",
  "%00",
  "%1f",
  "%7F",
  "%25",
  "%252e",
  "%c3%a9",
  "%C3",
  "%ff",
  "{",
  "}",
  '"',
  "|",
  "^",
  "`",
  "<",
  " ",
  "é",
  "+",
  "*",
  "=",
  "#",
  "@",
);
const paths = fc.array(pieces, { maxLength: 12 }).map((list) => `/${list.join("")}`);

test("the canonical form of a canonical path is itself, and routes alike", () => {
  fc.assert(
    fc.property(paths, (path) => {
      const once = canonicalPath(path);
      if (!("fault" in once)) assert.deepEqual(canonicalPath(once.path), once);
    }),
    { numRuns: 5_000 },
  );
});

test("a canonical path holds nothing that another reader could take for another path", () => {
  fc.assert(
    fc.property(paths, (path) => {
      const canonical = canonicalPath(path);
      if ("fault" in canonical) return;
      assert.match(canonical.path, /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-F]{2})*$/);
      for (const text of [canonical.path, canonical.decoded]) {
        const segments = text.slice(1).split("/");
        assert.ok(!segments.some((segment) => segment === "." || segment === ".."), text);
        assert.ok(!segments.slice(0, -1).includes(""), text);
      }
      assert.equal(canonical.decoded.split("/").length, canonical.path.split("/").length);
    }),
    { numRuns: 5_000 },
  );
});

test("spellings of the same path have one form", () => {
  assert.equal(pathOf("/pets/%7e%63at"), "/pets/~cat");
  assert.equal(pathOf("/a%c3%a9"), "/a%C3%A9");
  assert.equal(pathOf("/{x}"), "/%7Bx%7D");
  assert.equal(pathOf("/a:b;c=1,d@e"), "/a:b;c=1,d@e");
  assert.equal(pathOf("/pets/"), "/pets/");
  assert.equal(pathOf("/a%20b"), "/a%20b");
  assert.deepEqual(canonicalPath("/a%3ab"), { path: "/a%3Ab", decoded: "/a:b" });
});

for (const path of [
  "/a/../b",
  "/a/%2e%2e/b",
  "/a/.%2E",
  "/./a",
  "//evil.example/x",
  "/a//b",
  "/a%2fb",
  "/a%5cb",
  "/a\\b",
  "/a%00",
  "/a%0d%0ab",
  "/a%7f",
  "/a%",
  "/a%4",
  "/a%zz",
  "/a%ff",
  "/a%c3",
  "/a#b",
  "/a b",
  "/é",
]) {
  test(`the path ${path} is refused`, () => assert.equal(pathOf(path), null));
}
