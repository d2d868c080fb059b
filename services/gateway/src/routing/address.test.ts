import assert from "node:assert/strict";
import { test } from "node:test";
import { hostNamed, labelOfHost, readPathForm } from "./address.ts";

const domain = { region: "local-1", baseDomain: "localhost" };

test("the label is the first part of a host of this platform, with or without a port, in any case", () => {
  assert.equal(labelOfHost(hostNamed("abc.local-1.localhost"), domain), "abc");
  assert.equal(labelOfHost(hostNamed("ABC-test.Local-1.LOCALHOST:8080"), domain), "abc-test");
});

test("hosts of other domains, other regions and deeper ones have no label", () => {
  for (const host of [
    "localhost",
    "local-1.localhost",
    ".local-1.localhost",
    "a.b.local-1.localhost",
    "abc.local-2.localhost",
    "xlocal-1.localhost",
    "",
  ]) {
    assert.equal(labelOfHost(host, domain), null, host);
  }
});

test("the path form names label and environment and leaves the rest", () => {
  assert.deepEqual(readPathForm("/~abc/test/pets/1"), { hostLabel: "abc-test", restAt: 10 });
  assert.deepEqual(readPathForm("/~abc/online"), { hostLabel: "abc", restAt: 12 });
  assert.deepEqual(readPathForm("/~abc/preview/"), { hostLabel: "abc-preview", restAt: 13 });
});

test("what is no environment or no label is no path form", () => {
  for (const path of ["/~abc/prod/x", "/~abc", "/abc/test/x", "/~a-b/test/x", "/~abc/testing", "/~ABC/test"]) {
    assert.equal(readPathForm(path), null, path);
  }
});
