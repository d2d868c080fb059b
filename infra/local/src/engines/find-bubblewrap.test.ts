import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isRoot } from "../paths.ts";
import { bubblewrapEnvironment, findBubblewrap } from "./find-bubblewrap.ts";

const ON_LINUX = { skip: process.platform !== "linux" && "there are namespaces on Linux only" };

/** A machine whose PATH is one empty folder; what its search says is kept. */
function machine(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bubblewrap-"));
  chmodSync(folder, 0o755);
  const before = process.env.PATH;
  process.env.PATH = join(folder, "bin");
  t.after(() => {
    process.env.PATH = before;
    rmSync(folder, { recursive: true });
  });
  const said: string[] = [];
  return {
    said,
    fake: (under: string, printed: string) => fakeProgram(join(folder, under), printed),
    find: () => findBubblewrap({ enginesFolder: join(folder, "engines"), log: (line) => said.push(line) }),
  };
}

/** A bwrap that only knows its version. */
function fakeProgram(folder: string, printed: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "bwrap");
  writeFileSync(path, `#!/bin/sh\necho '${printed}'\n`);
  chmodSync(path, 0o755);
  return path;
}

test("a good enough bubblewrap on the machine is used before any package", ON_LINUX, async (t) => {
  const { fake, find } = machine(t);
  const path = fake("bin", "bubblewrap 0.8.0");
  fake("engines/bubblewrap/usr/bin", "bubblewrap 0.11.0");
  assert.deepEqual(await find(), { path, libraries: "" });
});

test(
  "one that is too old is passed over for the unpacked package, whose libraries lie beside it",
  ON_LINUX,
  async (t) => {
    const { fake, find } = machine(t);
    fake("bin", "bubblewrap 0.7.0");
    const path = fake("engines/bubblewrap/usr/bin", "bubblewrap 0.8.0");
    const libraries = join(path, "../../lib/x86_64-linux-gnu");
    mkdirSync(libraries, { recursive: true });
    const found = await find();
    assert.equal(found?.path, path);
    assert.deepEqual(bubblewrapEnvironment(found), {
      MILLRACE_RUNNER_BUBBLEWRAP: path,
      MILLRACE_RUNNER_BUBBLEWRAP_LIBRARIES: `${libraries}:${join(libraries, "..")}`,
    });
  },
);

test("one that other users cannot run is passed over, since sandboxes have users of their own", {
  skip: ON_LINUX.skip || (!isRoot() && "only root starts processes as others"),
}, async (t) => {
  const { fake, find, said } = machine(t);
  chmodSync(join(fake("bin", "bubblewrap 0.8.0"), ".."), 0o700);
  assert.equal(await find(), undefined);
  assert.match(said.join(), /bin\/bwrap.*EACCES/);
});

test("a machine without bubblewrap is told what to install, and nothing fails", ON_LINUX, async (t) => {
  const { find, said } = machine(t);
  assert.equal(await find(), undefined);
  assert.match(said.join(), /please install it \(bwrap is not on this machine; bubblewrap cannot be fetched/);
  assert.deepEqual(bubblewrapEnvironment(undefined), {});
});
