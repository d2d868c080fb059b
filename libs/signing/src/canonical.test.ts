import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Coverage,
  canonicalRequest,
  canonicalRequestForms,
  type HeaderPair,
  PROFILES,
  type Profile,
  uncoveredParts,
} from "./mod.ts";

const AWS4 = PROFILES["AWS4-HMAC-SHA256"];
const JDCLOUD2 = PROFILES["JDCLOUD2-HMAC-SHA256"];
const JDCLOUD3 = PROFILES["JDCLOUD3-HMAC-SHA256"];

const request = (target: string, headers: readonly HeaderPair[] = []) => ({
  method: "GET",
  target,
  headers,
  signedHeaders: headers.map(([name]) => name.toLowerCase()),
  bodySha256Hex: "0",
});

/** The paths and queries of all forms. */
const written = (profile: Profile, target: string, coverage: Coverage = "exact"): string[] =>
  canonicalRequestForms(profile, request(target), coverage).map((form) => form.split("\n").slice(1, 3).join("?"));

describe("the forms of a path", () => {
  test("a plain path has one form", () => {
    for (const profile of Object.values(PROFILES)) assert.deepEqual(written(profile, "/pets/7"), ["/pets/7?"]);
  });

  test("AWS4 and JDCLOUD2 allow three, in different order", () => {
    assert.deepEqual(written(AWS4, "/a%20b:c"), ["/a%2520b%3Ac?", "/a%20b%3Ac?", "/a%20b:c?"]);
    assert.deepEqual(written(JDCLOUD2, "/a%20b:c"), ["/a%20b%3Ac?", "/a%20b:c?", "/a%2520b%3Ac?"]);
    assert.deepEqual(written(JDCLOUD3, "/a%20b:c"), ["/a%20b%3Ac?", "/a%20b:c?"]);
  });

  test("a path that looks like another's second encoding counts in its own second encoding alone", () => {
    assert.deepEqual(written(AWS4, "/a%2520b"), ["/a%252520b?"]);
    assert.deepEqual(written(JDCLOUD2, "/a%zz"), ["/a%25zz?"]);
    assert.deepEqual(written(JDCLOUD3, "/a%2520b"), ["/a%2520b?"]);
  });

  test("nothing is collapsed, resolved or stripped", () => {
    for (const path of ["/a//b", "/a/./b", "/a/../b", "/a/", "//"]) {
      for (const profile of Object.values(PROFILES)) assert.deepEqual(written(profile, path), [`${path}?`]);
    }
  });
});

describe("the forms of a query", () => {
  test("a query that is sorted and spelled as SigV4 wants has one form", () => {
    assert.deepEqual(written(AWS4, "/?a=1&b=%20"), ["/?a=1&b=%20"]);
  });

  test("an unsorted and oddly spelled one has four", () => {
    assert.deepEqual(written(AWS4, "/?b=+:=%7e&a="), [
      "/?a=&b=%20%3A%3D~",
      "/?a=&b=%20%3A=~",
      "/?a=&b=+:=%7e",
      "/?b=+:=%7e&a=",
    ]);
  });

  test("keys sort before values: a-b after a", () => {
    assert.deepEqual(written(AWS4, "/?a-b=1&a=2"), ["/?a=2&a-b=1", "/?a-b=1&a=2"]);
  });

  test("values out of order and parameters without a value keep the query as sent", () => {
    for (const query of ["a=2&a=1", "b&a=1", "%61=2&a=1"])
      assert.deepEqual(written(AWS4, `/?${query}`), [`/?${query}`]);
    assert.ok(written(AWS4, "/?a=2&a=1", "sigv4").includes("/?a=1&a=2"));
    assert.ok(written(AWS4, "/?b&a=1", "sigv4").includes("/?a=1&b="));
  });

  test("a form that would sort differently spelled values past each other is left out", () => {
    // As sent, %42 sorts before A; decoded, it is B and comes after.
    assert.deepEqual(written(AWS4, "/?a=A&a=%42"), ["/?a=A&a=B", "/?a=A&a=%42"]);
    assert.deepEqual(written(AWS4, "/?a=%42&a=A"), ["/?a=%42&a=A"]);
  });
});

describe("signed headers", () => {
  test("blanks inside a value are kept; coverage sigv4 merges them, too", () => {
    const one = request("/", [["X-A", " a  \tb "]]);
    assert.deepEqual(
      canonicalRequestForms(AWS4, one).map((form) => form.split("\n")[3]),
      ["x-a:a  \tb"],
    );
    assert.equal(canonicalRequestForms(AWS4, one, "sigv4").length, 2);
    assert.equal(canonicalRequest(AWS4, one).split("\n")[3], "x-a:a b");
  });

  test("a header with a line break, and one that is not there, leave no form", () => {
    assert.deepEqual(canonicalRequestForms(AWS4, request("/", [["x-a", "b\nx-c:d"]])), []);
    assert.deepEqual(canonicalRequestForms(AWS4, { ...request("/"), signedHeaders: ["x-a"] }), []);
    assert.throws(() => canonicalRequest(AWS4, { ...request("/"), signedHeaders: ["x-a"] }), RangeError);
    assert.throws(() => canonicalRequest(AWS4, request("*")), RangeError);
  });
});

test("what may explain a mismatch is said", () => {
  assert.deepEqual(uncoveredParts(AWS4, request("/pets?a=1&a=2", [["x-a", "b c"]])), []);
  assert.equal(uncoveredParts(AWS4, request("/a//b%25?a=2&a=1", [["x-a", "b  c"]])).length, 4);
  assert.equal(uncoveredParts(JDCLOUD3, request("/b%25?flag")).length, 1);
});

test("time grows with the length of a hostile request and no faster", () => {
  const names = Array.from({ length: 100 }, (_, at): HeaderPair => [`x-${at}`, " \t".repeat(40)]);
  const pieces = ["%", "%2", "%25", "%41", "&", "a&", "a=&", "a=%&", "+", "=", "/", "/../", "%2F", ":", "a=b;"];
  const startedAt = performance.now();
  for (const piece of pieces) {
    const text = piece.repeat(Math.floor(8000 / piece.length));
    for (const profile of Object.values(PROFILES)) {
      canonicalRequestForms(profile, request(`/${text}`, names), "sigv4");
      canonicalRequestForms(profile, request(`/?${text}`, names), "sigv4");
    }
  }
  const eachMs = (performance.now() - startedAt) / (pieces.length * 6);
  assert.ok(eachMs < 50, `${eachMs.toFixed(1)} ms for a request of 8 KiB`);
});
