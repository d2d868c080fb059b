import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "./config.ts";

const ENVIRONMENT = {
  MILLRACE_OPERATIONS_ADDRESS: "127.0.0.1:0",
  MILLRACE_NATS_URL: "nats://127.0.0.1:4222",
  MILLRACE_RUNNER_ID: "runner-1",
  MILLRACE_RUNNER_CACHE_DIRECTORY: "/nowhere",
  // Any file that can be read.
  MILLRACE_RUNNER_PRIVATE_KEY_FILE: import.meta.filename,
};

const allowed = (text?: string) =>
  readConfig({ ...ENVIRONMENT, ...(text !== undefined && { MILLRACE_RUNNER_EGRESS_ALLOW: text }) }).egressAllow;

test("what functions may reach beyond public addresses is a list of addresses, ranges and endpoints", () => {
  assert.deepEqual(allowed(), []);
  assert.deepEqual(allowed(""), []);
  assert.deepEqual(
    allowed("127.0.0.1:8080, 10.1.0.0/16,[fd00::1]:443").map(({ net, prefix, port }) => [net.address, prefix, port]),
    [
      ["127.0.0.1", 32, 8080],
      ["10.1.0.0", 16, undefined],
      ["fd00::1", 128, 443],
    ],
  );
});

test("an entry that is none of them is named", () => {
  assert.throws(
    () => allowed("10.0.0.1,db.internal:5432,10.0.0.0/40"),
    (error: Error) => {
      assert.match(error.message, /MILLRACE_RUNNER_EGRESS_ALLOW.*db\.internal:5432 is not address/);
      return true;
    },
  );
});
