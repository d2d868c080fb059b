import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RouteTable, type TableRoute } from "./route-table.ts";

// The model: every route is tried, and the best of those that match is taken, by comparing what stands at each segment.

const isParameter = (segment: string) => segment.startsWith("{");
const segmentsOf = (path: string) => (path === "/" ? [] : path.slice(1).split("/"));

function matches(route: TableRoute, path: string): boolean {
  const wanted = segmentsOf(route.path);
  const given = segmentsOf(path);
  if (route.prefixMatch ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, at) => (isParameter(segment) ? given[at] !== "" : segment === given[at]));
}

/** 0 for a literal, 1 for a parameter, 2 where a prefix has ended; an exact end beats a prefix that ends there. */
function ranks(route: TableRoute, path: string): number[] {
  const wanted = segmentsOf(route.path);
  const inside = segmentsOf(path).map((_, at) => (at >= wanted.length ? 2 : isParameter(wanted[at]!) ? 1 : 0));
  return [...inside, route.prefixMatch ? 1 : 0];
}

function naiveFind(routes: readonly TableRoute[], method: string, path: string): TableRoute | null {
  const found = routes.filter((route) => route.method === method && matches(route, path));
  found.sort((a, b) => {
    const [first, second] = [ranks(a, path), ranks(b, path)];
    const at = first.findIndex((rank, index) => rank !== second[index]);
    return at === -1 ? 0 : first[at]! - second[at]!;
  });
  return found[0] ?? (method === "HEAD" ? naiveFind(routes, "GET", path) : null);
}

const shapeOf = ({ method, path, prefixMatch }: TableRoute) =>
  `${method} ${segmentsOf(path)
    .map((segment) => (isParameter(segment) ? "{}" : segment))
    .join("/")} ${prefixMatch}`;

const routeSegments = fc.constantFrom("a", "b", "{x}", "{y}", "*", "a:b", "");
const pathSegments = fc.constantFrom("a", "b", "c", "*", "a:b", "");
const joined = (segments: fc.Arbitrary<string>) =>
  fc.array(segments, { maxLength: 4 }).map((list) => `/${list.join("/")}`);
const routes = fc.uniqueArray(
  fc.record({ method: fc.constantFrom("GET", "POST", "HEAD"), path: joined(routeSegments), prefixMatch: fc.boolean() }),
  { maxLength: 10, selector: shapeOf },
);

test("the table finds what comparing every route finds", () => {
  fc.assert(
    fc.property(routes, fc.constantFrom("GET", "HEAD", "POST", "PUT"), joined(pathSegments), (list, method, path) => {
      const table = new RouteTable(list);
      assert.equal(table.find(method, path)?.route ?? null, naiveFind(list, method, path));
      const expected = ["GET", "HEAD", "POST"].filter((one) => naiveFind(list, one, path));
      assert.deepEqual(table.methodsAt(path), expected.sort());
    }),
    { numRuns: 20_000 },
  );
});

test("parameters carry the names of their own route, in the order of the path", () => {
  const table = new RouteTable([
    { method: "GET", path: "/owners/{owner}/pets/{pet}", prefixMatch: false },
    { method: "GET", path: "/owners/{id}", prefixMatch: false },
    { method: "GET", path: "/owners/{id}/files", prefixMatch: true },
  ]);
  assert.deepEqual(table.find("GET", "/owners/7/pets/rex")?.parameters, ["owner", "7", "pet", "rex"]);
  assert.deepEqual(table.find("GET", "/owners/7")?.parameters, ["id", "7"]);
  assert.deepEqual(table.find("GET", "/owners/7/files/a/b")?.parameters, ["id", "7"]);
  assert.equal(table.find("GET", "/owners/7/pets/"), null);
});

test("two routes that match the same paths are refused", () => {
  const clash = [
    { method: "GET", path: "/pets/{id}", prefixMatch: false },
    { method: "GET", path: "/pets/{name}", prefixMatch: false },
  ];
  assert.throws(() => new RouteTable(clash), /two routes match GET \/pets\/\{name\}/);
});

test("a search takes time in proportion to the table, whatever the path", () => {
  // Each level offers a literal and a parameter, so that a search that forgets where it was would double its work at each.
  const paths = Array.from({ length: 200 }, (_, depth) => "/a".repeat(depth) + "/{x}".repeat(200 - depth));
  const table = new RouteTable(paths.map((path) => ({ method: "GET", path: `${path}/end`, prefixMatch: false })));
  const started = performance.now();
  assert.equal(table.find("GET", "/a".repeat(2_000)), null);
  assert.equal(table.find("GET", `${"/a".repeat(200)}/other`), null);
  assert.ok(performance.now() - started < 500);
});
