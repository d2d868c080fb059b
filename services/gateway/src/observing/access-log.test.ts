import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { LOG_LIMITS } from "../limits.ts";
import { AccessLog, type AccessLogLine } from "./access-log.ts";

const line = { requestId: "r1", path: '/a"b\n' } as AccessLogLine;

test("lines go out together a moment later, each one JSON of its own", async () => {
  const writes: string[] = [];
  const log = new AccessLog({ writableLength: 0, write: (text) => writes.push(text) }, { service: "gateway" });
  log.write(line);
  log.write({ ...line, requestId: "r2" });
  assert.equal(writes.length, 0);
  await until(() => writes.length > 0);
  assert.equal(writes.length, 1);
  const [first, second] = writes[0]!
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text));
  assert.deepEqual([first.requestId, second.requestId, first.path, first.service], ["r1", "r2", '/a"b\n', "gateway"]);
  assert.ok(Date.parse(first.time) > 0);
});

test("a flood of lines is written before it grows large", () => {
  let bytes = 0;
  const log = new AccessLog({ writableLength: 0, write: (text) => (bytes += text.length) }, {});
  for (let written = 0; written < 4 * LOG_LIMITS.writeBytes; written += 100)
    log.write({ ...line, host: "h".repeat(100) });
  assert.ok(bytes > 3 * LOG_LIMITS.writeBytes);
  log.flush();
});

test("what standard output cannot take is dropped and counted, not kept", () => {
  const log = new AccessLog({ writableLength: LOG_LIMITS.waitingBytesMax + 1, write: () => assert.fail() }, {});
  log.write(line);
  log.flush();
  assert.equal(log.droppedLines, 1);
});
