import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { folderWith, run, writePlatformFile } from "../command-line-fixture.ts";
import { FakePlatform } from "../platform-fixture.ts";

const openapi = (path: string) =>
  `{ openapi: 3.1.0, paths: { ${path}: { get: { operationId: one, x-millrace-backend: { function: one } } } } }`;

/** A group whose revision 0.0.1 has one API, deployed in test. */
async function deployed(t: TestContext) {
  const platform = new FakePlatform();
  const yaml =
    "{ project: shop, functions: { one: { code: one.ts } }, groups: { store: { openapi: a.yaml, environments: [test] } } }";
  const folder = folderWith(t, {
    "millrace.yaml": yaml,
    "a.yaml": openapi("/a"),
    "b.yaml": openapi("/b"),
    "one.ts": "export {}",
  });
  writePlatformFile(folder, { controlPlane: await platform.listen(t) });
  const made = await run(folder, ["deploy"]);
  assert.equal(made.exitCode, 0, made.stderr);
  platform.changes.length = 0;
  return { platform, api: (...argv: string[]) => run(folder, ["api", ...argv, "-g", "store"]) };
}

test("a dry run says that it is one, and that the import itself would be refused where it would be", async (t) => {
  const { platform, api } = await deployed(t);
  const same = await api("import", "a.yaml", "--dry-run");
  assert.deepEqual([same.exitCode, same.stderr], [0, ""]);
  assert.match(same.stdout, /^dry run: nothing was changed; the import would do this:\nunchanged +one\n$/);
  const other = await api("import", "b.yaml", "--dry-run");
  assert.equal(other.exitCode, 1);
  assert.match(
    other.stdout,
    /^dry run: the import would be refused: revision 0\.0\.1 is deployed in test; .*\nupdated +one/,
  );
  const { wouldBeRefused, updated } = JSON.parse((await api("import", "b.yaml", "--dry-run", "-o", "json")).stdout);
  assert.deepEqual([wouldBeRefused, updated.length, platform.changes], [true, 1, []]);
  const real = await api("import", "b.yaml");
  assert.deepEqual([real.exitCode, real.stdout], [1, ""]);
});
