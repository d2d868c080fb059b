import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { checkId, formatName, hostLabel, parseName, randomLabel } from "./mod.ts";

test("a name comes apart and goes together again", () => {
  const ids = parseName("api", "projects/shop/groups/Pet_Store/revisions/0.0.1/apis/getPet");
  assert.deepEqual(ids, { project: "shop", group: "Pet_Store", revision: "0.0.1", api: "getPet" });
  assert.equal(formatName("api", ids), "projects/shop/groups/Pet_Store/revisions/0.0.1/apis/getPet");
});

test("a name of another form names the form that is wanted", () => {
  for (const name of ["", "projects/shop", "projects/shop/groups/g/x", "projects/shop/functions/f"]) {
    assert.throws(
      () => parseName("group", name, "parent"),
      /parent: must have the form projects\/\{project\}\/groups\/\{group\}/,
    );
  }
});

test("each kind of id is refused just outside its rule", () => {
  const outside = {
    project: ["a", "1a", "A", "a".repeat(33), "a_b"],
    function: ["", "1f", "f".repeat(65), "f.g"],
    alias: ["LATEST", "12", "", "a".repeat(33)],
    group: ["-g", "g".repeat(33)],
    revision: ["1.2", "1.2.1000", "01.2.3", "1.2.3.4"],
    environment: ["prod", "Test"],
    version: ["0", "01", "-1"],
  } as const;
  for (const [kind, ids] of Object.entries(outside)) {
    for (const id of ids)
      assert.throws(() => checkId(kind as keyof typeof outside, id, "id"), PlatformError, `${kind} ${id}`);
  }
});

test("labels have their length and alphabet", () => {
  for (let i = 0; i < 100; i++) assert.match(randomLabel(12), /^[a-z0-9]{12}$/);
  assert.equal(hostLabel("abc", "online"), "abc");
  assert.equal(hostLabel("abc", "test"), "abc-test");
});
