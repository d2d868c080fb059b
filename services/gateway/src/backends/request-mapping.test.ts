import assert from "node:assert/strict";
import { test } from "node:test";
import { HEADERS, isMappable } from "@millrace/names";
import { RequestMapping as MappingRecord } from "@millrace/proto/release/v1/release";
import fc from "fast-check";
import { isRefusal } from "../answering/reasons.ts";
import { RequestMapping, type RequestParts } from "./request-mapping.ts";

type Fields = Parameters<typeof MappingRecord.fromPartial>[0];

const ASKED: RequestParts = { method: "GET", path: "/pets/7", query: "", headers: [] };

function applied(
  fields: Fields,
  parts: Partial<RequestParts> = {},
  pathParameters: string[] = [],
  route = "/pets/{id}",
) {
  return new RequestMapping(MappingRecord.fromPartial(fields), route).apply({ ...ASKED, ...parts }, pathParameters);
}

/** Moves `query.a` to `header.x-a`, and so on. */
function moves(from: string, to: string) {
  const [location, name] = from.split(".") as [string, string];
  const [backendLocation, backendName] = to.split(".") as [string, string];
  return { location, name, backendLocation, backendName };
}

const move = (from: string, to: string, parts: Partial<RequestParts>, pathParameters?: string[]) =>
  applied({ parameters: [moves(from, to)] }, parts, pathParameters);

test("a parameter moves between path, query and headers, and is gone from where it was", () => {
  assert.deepEqual(move("query.a", "header.X-A", { query: "?a=1&b=2", headers: ["x-b", "3"] }), {
    ...ASKED,
    query: "?b=2",
    headers: ["x-b", "3", "x-a", "1"],
  });
  assert.deepEqual(move("header.X-A", "query.a", { query: "?b=2", headers: ["x-a", "1 &", "x-b", "3"] }), {
    ...ASKED,
    query: "?b=2&a=1%20%26",
    headers: ["x-b", "3"],
  });
  assert.deepEqual(move("path.id", "query.id", {}, ["id", "7 é"]), { ...ASKED, query: "?id=7%20%C3%A9" });
  const template = { path: "/items/{item}/{id}", parameters: [moves("query.kind", "path.item")] };
  assert.deepEqual(applied(template, { query: "?kind=a%20b" }, ["id", "7"]), { ...ASKED, path: "/items/a%20b/7" });
});

test("a name is renamed however it was spelled, with all of its values, and what is not named stays as it was typed", () => {
  const query = "?%71=1&keep=%7e+x&q=2&q&Q=3&=&&plus=a+b";
  const renamed = move("query.q", "query.search", { query });
  assert.deepEqual(renamed, { ...ASKED, query: "?keep=%7e+x&Q=3&=&plus=a+b&search=1&search=2&search=" });
  assert.deepEqual(move("query.q", "header.x-q", { query: "?q=1&q=2" }), { ...ASKED, headers: ["x-q", "1, 2"] });
  const swapped = applied(
    { parameters: [moves("query.a", "query.b"), moves("query.b", "query.a")] },
    { query: "?a=1&b=2" },
  );
  assert.deepEqual(swapped, { ...ASKED, query: "?b=1&a=2" });
});

test("what is optional and was not sent is not sent on", () => {
  const nothing = { ...ASKED, query: "?b=1", headers: ["x", "y"] };
  assert.deepEqual(move("query.a", "header.x-a", nothing), nothing);
  assert.deepEqual(move("header.x-a", "query.a", nothing), nothing);
});

test("constants are set, and callers cannot set them", () => {
  const constants = [
    { name: "source", location: "query", value: "a&b=c" },
    { name: "X-Source", location: "header", value: "gateway" },
    { name: "v", location: "path", value: "2" },
  ];
  const parts = { query: "?source=evil&%73ource=evil&a=1", headers: ["x-source", "evil"] };
  assert.deepEqual(applied({ path: "/v/{v}", constants }, parts), {
    ...ASKED,
    path: "/v/2",
    query: "?a=1&source=a%26b%3Dc",
    headers: ["x-source", "gateway"],
  });
});

test("what a mapping puts is put by nobody else", () => {
  const answer = move("query.user", "header.x-user", { query: "?user=me", headers: ["x-user", "root"] });
  assert.deepEqual(answer, { ...ASKED, headers: ["x-user", "me"] });
  const absent = move("query.user", "header.x-user", { headers: ["x-user", "root"] });
  assert.deepEqual(absent, ASKED);
});

test("a path stands in place of the API's, what is below a prefix follows, and a method in place of the caller's", () => {
  const below = applied({ path: "/v2", method: "POST" }, { path: "/files/a/b%20c/" }, [], "/files");
  assert.deepEqual(below, { ...ASKED, method: "POST", path: "/v2/a/b%20c/" });
  assert.deepEqual(applied({ method: "GET" }, { method: "HEAD" }), { ...ASKED, method: "HEAD" });
});

test("a value that a server could read as another path, or that ends a header, is refused", () => {
  const segment = (kind: string) =>
    applied({ path: "/a/{kind}", parameters: [moves("query.kind", "path.kind")] }, { query: `?kind=${kind}` });
  for (const kind of [
    "",
    ".",
    "..",
    "%2e%2e",
    "%2E.",
    "a%2fb",
    "..%2f..%2fetc",
    "a%5cb",
    "a%00",
    "%0d%0a",
    "x&kind=y",
  ]) {
    const refusal = segment(kind);
    assert.ok(isRefusal(refusal) && refusal.reason === "request_invalid", kind);
  }
  assert.ok(isRefusal(applied({ path: "/a/{kind}", parameters: [moves("query.kind", "path.kind")] })));
  for (const value of ["a%0d%0aset-cookie:%20b", "a%0ab", "a%00", "%7f", "%1b"]) {
    assert.ok(isRefusal(move("query.a", "header.x-a", { query: `?a=${value}` })), value);
  }
  for (const query of ["?a=%", "?a=%4", "?%zz=1", "?b=%GG"]) {
    assert.ok(isRefusal(move("query.a", "query.c", { query })), query);
  }
  assert.deepEqual(segment("%252e%252e"), { ...ASKED, path: "/a/%252e%252e" });
});

test("headers that frame the message, or that only a gateway says, cannot be mapped", () => {
  const taken = [
    "Host",
    "content-length",
    "Transfer-Encoding",
    "connection",
    "te",
    "expect",
    "x-forwarded-for",
    "upgrade",
  ];
  for (const name of [...taken, "x-millrace-request-id", "x-jdcloud-pin", "forwarded", "traceparent", "tracestate"]) {
    assert.throws(() => move("query.a", `header.${name}`, {}), /cannot be mapped/);
  }
});

test("every header that control-plane lets be mapped compiles", () => {
  for (const name of Object.keys(HEADERS)) {
    const compile = () => move("query.a", `header.${name}`, {});
    if (isMappable(name)) compile();
    else assert.throws(compile, /cannot be mapped/, name);
  }
});

test("whatever a value holds, it ends up as that value and as nothing else", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), fc.webQueryParameters(), (value, others) => {
      const query = `?v=${encodeURIComponent(value)}${others === "" ? "" : `&${others}`}`;
      const answer = move("query.v", "query.w", { query });
      if (isRefusal(answer)) return;
      const before = new URLSearchParams(query);
      const after = new URLSearchParams(answer.query);
      assert.deepEqual(after.getAll("w"), before.getAll("v"));
      assert.deepEqual(after.getAll("v"), []);
      before.delete("v");
      before.delete("w");
      after.delete("w");
      assert.deepEqual([...after], [...before]);
    }),
  );
});
