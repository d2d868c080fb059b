import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import {
  address,
  bool,
  bytes,
  durationMs,
  integer,
  loadConfig,
  PROCESS_VARIABLES,
  peerAddress,
  RPC_SERVER_VARIABLES,
  secretFile,
  tlsOf,
} from "./mod.ts";

const shape = {
  SLOTS: integer(1, 64).default(16),
  OPEN: bool().default(false),
  WAIT: durationMs().default(250),
  BODY: bytes().optional(),
  LISTEN: address(),
};

test("values are parsed with their units, and defaults fill the rest", () => {
  const config = loadConfig(
    { MILLRACE_LISTEN: "[::1]:0", MILLRACE_WAIT: "5s", MILLRACE_BODY: "10MiB", PATH: "/bin" },
    shape,
  );
  assert.deepEqual(config, { SLOTS: 16, OPEN: false, WAIT: 5_000, BODY: 10_485_760, LISTEN: { host: "::1", port: 0 } });
});

test("one error lists every problem: missing, out of bounds, misspelt and unknown", () => {
  const environment = { MILLRACE_SLOTS: "65", MILLRACE_OPEN: "yes", MILLRACE_WAIT: "5", MILLRACE_SLOT: "3" };
  assert.throws(
    () => loadConfig(environment, shape),
    (error: Error) => {
      for (const part of [
        /SLOTS: must be .* 1 to 64/,
        /OPEN: must be true or false/,
        /WAIT: .*250ms/,
        /LISTEN: is required/,
        /SLOT: is no variable/,
      ]) {
        assert.match(error.message, part);
      }
      return true;
    },
  );
});

test("the part of requests that are traced is a number from 0 to 1", () => {
  const ratioOf = (text: string) =>
    loadConfig({ MILLRACE_OPERATIONS_ADDRESS: "a:1", MILLRACE_TRACES_SAMPLE_RATIO: text }, PROCESS_VARIABLES)
      .TRACES_SAMPLE_RATIO;
  assert.deepEqual(["", "0", "1", "0.25", ".5"].map(ratioOf), [0.01, 0, 1, 0.25, 0.5]);
  for (const text of ["1.1", "-0.1", "2", "1e-3", "all", "."]) {
    assert.throws(() => ratioOf(text), /TRACES_SAMPLE_RATIO: must be a number from 0 to 1/, text);
  }
});

test("an empty variable counts as unset", () => {
  assert.equal(loadConfig({ MILLRACE_SLOTS: "", MILLRACE_LISTEN: "a:1" }, shape).SLOTS, 16);
});

test("a secret file shows itself only when asked to", () => {
  const path = join(tmpdir(), `millrace-secret-${process.pid}`);
  writeFileSync(path, "canary-51c2\n", { mode: 0o600 });
  const config = loadConfig({ MILLRACE_KEY_FILE: path }, { KEY_FILE: secretFile() });
  assert.equal(config.KEY_FILE.reveal(), "canary-51c2");
  assert.ok(![inspect(config), JSON.stringify(config), `${config.KEY_FILE}`].join().includes("canary-51c2"));
});

test("a secret file that cannot be read is a problem that does not show its path's content", () => {
  assert.throws(
    () => loadConfig({ MILLRACE_KEY_FILE: "/nowhere/key" }, { KEY_FILE: secretFile() }),
    /KEY_FILE: .*ENOENT/,
  );
});

test("an address to call keeps the brackets of IPv6, and needs a port", () => {
  const read = (PEER: string) => loadConfig({ MILLRACE_PEER: PEER }, { PEER: peerAddress() }).PEER;
  assert.deepEqual([read("auth:50051"), read("[::1]:50051")], ["auth:50051", "[::1]:50051"]);
  assert.throws(() => read("auth"), /PEER: must be host:port/);
});

test("a server has both files of TLS or none", () => {
  const read = (files: Record<string, string>) =>
    tlsOf(loadConfig({ MILLRACE_GRPC_ADDRESS: "127.0.0.1:0", ...files }, RPC_SERVER_VARIABLES));
  const [cert, key] = [{ MILLRACE_GRPC_TLS_CERT_FILE: "a.pem" }, { MILLRACE_GRPC_TLS_KEY_FILE: "b.pem" }];
  assert.equal(read({}), undefined);
  assert.deepEqual(read({ ...cert, ...key }), { certFile: "a.pem", keyFile: "b.pem" });
  for (const one of [cert, key]) assert.throws(() => read(one), /set both or none/);
});
