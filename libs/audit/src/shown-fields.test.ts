import assert from "node:assert/strict";
import { test } from "node:test";
import { SignInRequest } from "@millrace/proto/auth/v1/people";
import { UpdateFunctionRequest, UploadCodeRequest } from "@millrace/proto/control/v1/functions";
import { CreateGroupRequest } from "@millrace/proto/control/v1/groups";
import { LIMITS } from "./limits.ts";
import { objectOf, projectOf } from "./object-name.ts";
import { shownFields } from "./shown-fields.ts";

const FUNCTIONS = "/millrace.control.v1.FunctionService";

test("numbers, choices and names are shown; free texts, bytes and the values of maps are not", () => {
  const update = UpdateFunctionRequest.fromJSON({
    name: "projects/shop/functions/pets",
    description: "a secret",
    config: { timeoutMs: 3000, handler: "main", environment: { STAGE: "a secret" }, secrets: { KEY: "a secret" } },
    etag: '"3"',
  });
  assert.deepEqual(shownFields(`${FUNCTIONS}/UpdateFunction`, UpdateFunctionRequest.encode(update).finish()), [
    ["description", ""],
    ["config.handler", "main"],
    ["config.timeout_ms", "3000"],
    ["config.environment.STAGE", ""],
    ["config.secrets.KEY", ""],
  ]);
  const group = CreateGroupRequest.fromJSON({ parent: "projects/shop", groupId: "g", access: "ACCESS_MODE_NONE" });
  assert.deepEqual(
    shownFields("/millrace.control.v1.GroupService/CreateGroup", CreateGroupRequest.encode(group).finish()),
    [
      ["group_id", ""],
      ["access", "ACCESS_MODE_NONE"],
    ],
  );
  const chunk = UploadCodeRequest.encode({ part: { $case: "chunk", value: Buffer.from("a secret") } }).finish();
  assert.deepEqual(shownFields(`${FUNCTIONS}/UploadCode`, chunk), [["chunk", ""]]);
  const signIn = SignInRequest.encode({ email: "ada@example.com", password: "a secret" }).finish();
  assert.deepEqual(shownFields("/millrace.auth.v1.PeopleService/SignIn", signIn), [
    ["email", "ada@example.com"],
    ["password", ""],
  ]);
});

test("what is shown has a bound, and holds nothing that steers a terminal or that PostgreSQL refuses", () => {
  const keys = Array.from({ length: 1_000 }, (_, i) => [`K${i}\0\x1b${"x".repeat(1_000)}`, ""]);
  const update = UpdateFunctionRequest.fromJSON({ name: "n", config: { environment: Object.fromEntries(keys) } });
  const shown = shownFields(`${FUNCTIONS}/UpdateFunction`, UpdateFunctionRequest.encode(update).finish());
  assert.equal(shown.length, LIMITS.fieldsMax);
  assert.ok(shown.every(([path]) => path.length <= LIMITS.textCharsMax && !/\p{Cc}/u.test(path)));
});

test("the object is the name, or the parent with the id of what is created, or what an upload's header names", () => {
  assert.equal(objectOf({ name: "projects/shop/functions/f" }), "projects/shop/functions/f");
  assert.equal(objectOf({ parent: "projects/shop", functionId: "f", requestId: "r" }), "projects/shop/functions/f");
  assert.equal(objectOf({ parent: "projects/shop/functions/f", aliasId: "a" }), "projects/shop/functions/f/aliases/a");
  assert.equal(objectOf({ projectId: "shop" }), "projects/shop");
  assert.equal(
    objectOf({ part: { $case: "header", value: { name: "projects/shop/functions/f" } } }),
    "projects/shop/functions/f",
  );
  assert.equal(objectOf({ email: "ada@example.com" }), "");
  assert.equal(objectOf(undefined), "");
  assert.equal(projectOf("projects/shop/functions/f"), "shop");
  assert.equal(projectOf("projects/Sh op/functions/f"), "");
  assert.equal(projectOf("people/ada"), "");
});
