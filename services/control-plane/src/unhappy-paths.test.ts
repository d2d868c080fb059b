import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { PlatformError } from "@millrace/errors";
import { ACCESS } from "./access.ts";
import { createProject } from "./testing/calls.ts";
import { allMethods, type Method } from "./testing/methods.ts";
import { startControlPlane } from "./testing/test-control-plane.ts";

// What every method must refuse in the same way, tried with every method. What only one of them refuses is tested beside it.

const { client, auth } = await startControlPlane({ after });
auth.addPerson("mallory");
await createProject(client, "shop");
await createProject(client, "other", { token: "mallory" });

/** Methods of a project; streams, and what would end the project, are tried elsewhere. */
const METHODS = [...(await allMethods()).values()].filter(
  ({ path, requestStream, responseStream }) =>
    ACCESS[path]?.who === "member" && !requestStream && !responseStream && !path.endsWith("/DeleteProject"),
);
const title = ({ path }: Method) => path.split("/")[2]!;

/** Forms of names, each with an id that nothing has. */
const BELOW = {
  project: "",
  function: "/functions/none",
  functionVersion: "/functions/none/versions/7",
  alias: "/functions/none/aliases/none",
  testEvent: "/functions/none/testEvents/none",
  group: "/groups/none",
  revision: "/groups/none/revisions/0.0.1",
  api: "/groups/none/revisions/0.0.1/apis/none",
  deployment: "/groups/none/deployments/online",
  release: "/groups/none/deployments/online/releases/7",
  alarm: "/alarms/none",
  domain: "/domains/none.example.com",
  request: "/requests/none",
};

function requestOf(method: Method, name: string): Record<string, unknown> {
  const request = method.requestDeserialize(Buffer.alloc(0));
  request["parent" in request ? "parent" : "name"] = name;
  return request;
}

/** The error of a call, or undefined. */
function refusal(method: Method, name: string, token = "ada"): Promise<PlatformError | undefined> {
  return client.call(method as never, requestOf(method, name) as never, { token }).then(
    () => undefined,
    (error: unknown) => error as PlatformError,
  );
}

for (const method of METHODS) {
  test(`${title(method)}: a name that is missing or has no form is refused by its field, whoever asks`, async () => {
    const field = "parent" in method.requestDeserialize(Buffer.alloc(0)) ? "parent" : "name";
    for (const name of [
      "",
      "shop",
      "projects/",
      "projects/Shop!",
      "projects/shop/none/x/y/z/w/q",
      "projects/shop/\0",
    ]) {
      const error = await refusal(method, name);
      assert.equal(error?.code, "invalid_argument", `${JSON.stringify(name)}: ${error?.message}`);
      const fields = error.violations.map((violation) => violation.field);
      assert.ok(fields.includes(field), `${JSON.stringify(name)} names ${fields.join()}`);
    }
  });

  test(`${title(method)}: what is not there is not found, and what is another project's is as if it were not there`, async () => {
    let known = 0;
    for (const below of Object.values(BELOW)) {
      const name = `projects/other${below}`;
      // A stranger to the project, and its owner, whom the same name gives no other answer than that there is nothing.
      const foreign = await refusal(method, name);
      assert.equal(foreign?.reason, "project_not_found", `${name}: ${foreign?.reason}`);
      const own = await refusal(method, name, "mallory");
      assert.ok(
        own === undefined || ["invalid_argument", "not_found", "failed_precondition"].includes(own.code),
        `${name}: ${own?.code} ${own?.reason} ${own?.message}`,
      );
      if (own?.code !== "invalid_argument" || below === "") known++;
    }
    assert.ok(known >= 1, "no form of a name is that of this method");
  });
}

/** Changes of something that has an etag. */
const CHANGES = METHODS.filter(
  (method) =>
    "etag" in method.requestDeserialize(Buffer.alloc(0)) && "name" in method.requestDeserialize(Buffer.alloc(0)),
);

test("every method that changes or deletes a resource takes its etag, but for versions, which never change", () => {
  const without = METHODS.filter((method) => /\/(Update|Delete|Rotate)/.test(method.path)).filter(
    (method) => !CHANGES.includes(method),
  );
  assert.deepEqual(without.map(title), ["DeleteFunctionVersion"]);
});
