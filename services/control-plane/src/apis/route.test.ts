import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pathFault, placeholdersOf, routeOf } from "./route.ts";

const GET = { method: "GET", match: "exact" } as const;

test("paths that follow the grammar have no fault", () => {
  for (const path of [
    "/",
    "/pets",
    "/pets/",
    "/pets/{petId}",
    "/a/{b}/c/{d_1}",
    "/v1/x:verb",
    "/a%20b",
    "/~x/@y;z=1",
  ]) {
    assert.equal(pathFault(path, "exact"), undefined, path);
  }
});

test("paths outside the grammar are refused with a reason", () => {
  const faults: [string, RegExp][] = [
    ["pets", /begin with \//],
    ["", /begin with \//],
    ["//a", /empty segment/],
    ["/a//b", /empty segment/],
    ["/a/../b", /segments \. and \.\./],
    ["/a/%2e%2e", /segments \. and \.\./],
    ["/a/{x}.json", /whole segment/],
    ["/{x}/{x}", /twice/],
    ["/{1x}", /whole segment/],
    ["/a b", /percent-encoded/],
    ["/é", /percent-encoded/],
    ["/a%2Fb", /must not have \//],
    ["/%7Bx%7D", /must not have \//],
    ["/a%00", /must not have \//],
    ["/a%zz", /percent-encoded/],
    ["/a%ff", /no UTF-8/],
    ["/a?b", /percent-encoded/],
    [`/${"x".repeat(1_024)}`, /1024 characters/],
    ["/a".repeat(33), /32 segments/],
  ];
  for (const [path, reason] of faults) assert.match(pathFault(path, "exact") ?? "", reason, path);
  assert.match(pathFault("/a/", "prefix") ?? "", /must not end/);
  assert.equal(pathFault("/", "prefix"), undefined);
});

test("names of parameters do not tell routes apart; literals, methods and match do", () => {
  const route = (path: string) => routeOf({ ...GET, path });
  assert.equal(route("/a/{x}"), route("/a/{y}"));
  assert.equal(route("/a%2Db"), route("/a-b"));
  assert.notEqual(route("/a/{x}"), route("/a/b"));
  assert.notEqual(route("/a"), route("/a/"));
  assert.notEqual(route("/a"), routeOf({ method: "GET", match: "prefix", path: "/a" }));
  assert.notEqual(route("/a"), routeOf({ method: "POST", match: "exact", path: "/a" }));
});

const segment = fc.oneof(
  fc.constantFrom("a", "b", "c"),
  fc.constantFrom("x", "y").map((name) => `{${name}}`),
);

/** All paths of the same length over a small alphabet that a template matches. */
function matched(segments: readonly string[]): string[] {
  return segments.reduce<string[]>(
    (paths, part) =>
      paths.flatMap((path) => (part.startsWith("{") ? ["a", "b", "c", "d"] : [part]).map((s) => `${path}/${s}`)),
    [""],
  );
}

test("two exact routes are the same when, and only when, they match the same paths", () => {
  fc.assert(
    fc.property(
      fc.array(segment, { minLength: 1, maxLength: 3 }),
      fc.array(segment, { minLength: 1, maxLength: 3 }),
      (a, b) => {
        const same = routeOf({ ...GET, path: `/${a.join("/")}` }) === routeOf({ ...GET, path: `/${b.join("/")}` });
        assert.equal(same, matched(a).join() === matched(b).join());
      },
    ),
    { seed: 7 },
  );
});

test("every placeholder of a path is found, in order", () => {
  assert.deepEqual(placeholdersOf("/a/{one}/b/{two.x}"), ["one", "two.x"]);
  assert.deepEqual(placeholdersOf("/"), []);
});
