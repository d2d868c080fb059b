import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { testEngines } from "@millrace/testing";
import type { Bubblewrap } from "./bubblewrap.ts";
import { openSandboxes } from "./open-sandboxes.ts";
import { prepareRuntimeFolder, type RuntimeFolder } from "./runtime-folder.ts";
import type { Tier } from "./tier.ts";

const SILENT = { info() {}, warn() {} };
const NOT_BUBBLEWRAP: Bubblewrap = { path: "/bin/false", libraries: undefined };
const isRoot = process.getuid?.() === 0;
const { bubblewrap } = testEngines();
let cacheDirectory: string;
let runtime: RuntimeFolder;

before(async () => {
  cacheDirectory = mkdtempSync(join(tmpdir(), "millrace-sandboxes-"));
  chmodSync(cacheDirectory, 0o755);
  runtime = await prepareRuntimeFolder(cacheDirectory);
});
after(() => rmSync(cacheDirectory, { recursive: true, force: true }));

async function tierWith(wrap: Bubblewrap | undefined, minimumTier: Tier) {
  const supply = await openSandboxes(runtime, { cacheDirectory, minimumTier, bubblewrap: wrap }, SILENT);
  await supply.close();
  return supply.launcher;
}

test("with bubblewrap a machine that has user namespaces reaches the full tier", {
  skip: bubblewrap ? false : "install bubblewrap 0.8 or newer",
}, async () => {
  const { tier, shortfall, ownUsers } = await tierWith(bubblewrap, "full");
  assert.deepEqual([tier, shortfall, ownUsers], ["full", "", isRoot]);
});

test("a fence that does not hold costs the tier, and the runner says why", async () => {
  const { tier, shortfall } = await tierWith(NOT_BUBBLEWRAP, "development");
  assert.equal(tier, isRoot ? "reduced" : "development");
  assert.match(shortfall, /not full: .*a sandbox ended while it started/);
});

test("below the minimum no sandbox is opened, and the error says what is missing", async () => {
  await assert.rejects(tierWith(NOT_BUBBLEWRAP, "full"), (error: Error & { reason?: string }) => {
    assert.equal(error.reason, "tier_too_low");
    assert.match(String((error.cause as Error).message), /not full: .*; the tier would be/);
    return true;
  });
});
