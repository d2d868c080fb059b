import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { LIMITS } from "../limits.ts";
import { receiveUpload, unlessStalled } from "./receive-upload.ts";

test("the bytes are what was sent, however they were cut", async () => {
  const code = randomBytes(3 * 256 * 1024 + 1);
  for (const step of [977, 256 * 1024, 256 * 1024 + 1, code.length]) {
    const { bytes, digest } = await receiveUpload(
      (async function* () {
        for (let at = 0; at < code.length; at += step) yield code.subarray(at, at + step);
      })(),
    );
    assert.ok(bytes.equals(code), `cut every ${step} bytes`);
    assert.equal(digest, createHash("sha256").update(code).digest("hex"));
  }
});

test("a million chunks of one byte take hardly more memory than their bytes", async () => {
  const before = process.memoryUsage().heapUsed;
  let most = 0;
  const { bytes } = await receiveUpload(
    (async function* () {
      for (let i = 0; i < 1_000_000; i++) {
        if (i % 100_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed - before);
        yield Buffer.from([i % 256]);
      }
    })(),
  );
  assert.equal(bytes.length, 1_000_000);
  assert.ok(most < 64 * 1024 * 1024, `${most} bytes of heap`);
});

test("a sender that says nothing, or nothing but empty chunks, is given up", async () => {
  async function* empty() {
    for (;;) {
      yield new Uint8Array();
      await turn();
    }
  }
  const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  for (const sender of [silent, empty()]) {
    await assert.rejects(receiveUpload(unlessStalled(sender, 50)), { reason: "upload_timeout" });
  }
});

test("a sender that goes on slowly is not given up", async () => {
  async function* slow() {
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      yield Buffer.from("x");
    }
  }
  assert.equal((await receiveUpload(unlessStalled(slow(), 400))).bytes.toString(), "xxxxx");
  assert.ok(LIMITS.uploadStallTimeoutMs < LIMITS.uploadTimeoutMs);
});
