import assert from "node:assert/strict";
import { test } from "node:test";
import { LOG_LIMITS } from "../limits.ts";
import { AccessLog, type AccessLogLine } from "./access-log.ts";

const line = { requestId: "r1", path: '/a"b\n' } as AccessLogLine;

test("the lines of a tick go out in one write, each one JSON of its own", async () => {
  const writes: string[] = [];
  const log = new AccessLog({ writableLength: 0, write: (text) => writes.push(text) }, { service: "gateway" });
  log.write(line);
  log.write({ ...line, requestId: "r2" });
  assert.equal(writes.length, 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(writes.length, 1);
  const [first, second] = writes[0]!
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text));
  assert.deepEqual([first.requestId, second.requestId, first.path, first.service], ["r1", "r2", '/a"b\n', "gateway"]);
  assert.ok(Date.parse(first.time) > 0);
});

test("what standard output cannot take is dropped and counted, not kept", () => {
  const log = new AccessLog({ writableLength: LOG_LIMITS.waitingBytesMax + 1, write: () => assert.fail() }, {});
  log.write(line);
  log.flush();
  assert.equal(log.droppedLines, 1);
});
