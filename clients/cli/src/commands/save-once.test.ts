import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folderWith } from "../command-line-fixture.ts";
import type { Context } from "../context.ts";
import { saveOnce } from "./save-once.ts";

const MADE = { json: { secret: "s3cret" }, text: "key k1", secret: "s3cret" };

/** A folder to save in, and how often a secret was made. */
function saving(t: TestContext, files: Record<string, string> = {}) {
  const cwd = folderWith(t, files);
  const context = { terminal: { cwd } } as unknown as Context;
  const made = { times: 0 };
  const make = async () => {
    made.times += 1;
    return MADE;
  };
  return { context, made, make, path: join(cwd, "key.json") };
}

test("a secret goes into a new file that only its user reads, and is not shown", async (t) => {
  const { context, make, path } = saving(t);
  const answer = await saveOnce(context, "key.json", make);
  assert.deepEqual(answer, { json: { saved: path }, text: `key k1\nsaved to ${path}` });
  assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), MADE.json);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("no secret is made for a file that cannot be written, or that is there already and stays", async (t) => {
  const { context, made, make, path } = saving(t, { "key.json": "another's" });
  await assert.rejects(saveOnce(context, "key.json", make), /--save: .*key\.json exists already; name a new file/);
  await assert.rejects(saveOnce(context, "none/key.json", make), /--save: .* cannot be written \(ENOENT\)/);
  assert.deepEqual([made.times, readFileSync(path, "utf8")], [0, "another's"]);
});

test("when no secret is made no file is left, so that the same command can be tried again", async (t) => {
  const { context, make, path } = saving(t);
  const refused = async () => Promise.reject(new Error("refused"));
  await assert.rejects(saveOnce(context, "key.json", refused), /refused/);
  assert.equal(existsSync(path), false);
  await saveOnce(context, "key.json", make);
  assert.ok(existsSync(path));
});
