import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { openWithKey, SealingError, type SealingFailure, sealToKey } from "./mod.ts";

const pair = () =>
  generateKeyPairSync("x25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
const runner = pair();
const CONTEXT = "function|petstore|DB_PASSWORD";
const PLAINTEXT = Buffer.from("correct horse battery staple");

const failsAs = (failure: SealingFailure) => (error: unknown) => {
  assert.ok(error instanceof SealingError);
  assert.equal(error.failure, failure);
  assert.ok(!`${error.stack}`.includes("horse"));
  return true;
};

test("what is sealed to a public key opens with its private key", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.string(), (bytes, context) => {
      const sealed = sealToKey(runner.publicKey, bytes, context);
      assert.deepEqual(openWithKey(runner.privateKey, sealed, context), Buffer.from(bytes));
    }),
    { numRuns: 50 },
  );
});

test("the same secret sealed twice looks different, and holds nothing of the plaintext", () => {
  const [one, other] = [0, 0].map(() => sealToKey(runner.publicKey, PLAINTEXT, CONTEXT)) as [Buffer, Buffer];
  assert.equal(one.length, 1 + 32 + PLAINTEXT.length + 16);
  assert.ok(!one.subarray(1, 33).equals(other.subarray(1, 33)));
  assert.ok(!one.includes(PLAINTEXT.subarray(0, 4)));
});

test("a change of any bit of any byte is found", () => {
  const sealed = sealToKey(runner.publicKey, PLAINTEXT, CONTEXT);
  for (let at = 0; at < sealed.length; at++) {
    for (const bit of [0x01, 0x40, 0x80]) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ bit;
      // X25519 ignores the highest bit of a point; the authenticated header does not.
      assert.throws(
        () => openWithKey(runner.privateKey, changed, CONTEXT),
        failsAs(at === 0 ? "malformed" : "unopenable"),
      );
    }
  }
});

test("a truncated or extended box is refused", () => {
  const sealed = sealToKey(runner.publicKey, PLAINTEXT, CONTEXT);
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(() => openWithKey(runner.privateKey, sealed.subarray(0, length), CONTEXT), SealingError);
  }
  assert.throws(() => openWithKey(runner.privateKey, Buffer.concat([sealed, Buffer.alloc(1)]), CONTEXT), SealingError);
});

test("another context and another key do not open it", () => {
  const sealed = sealToKey(runner.publicKey, PLAINTEXT, CONTEXT);
  for (const context of ["", `${CONTEXT} `, CONTEXT.slice(1), "function|other|DB_PASSWORD"]) {
    assert.throws(() => openWithKey(runner.privateKey, sealed, context), failsAs("unopenable"));
  }
  assert.throws(() => openWithKey(pair().privateKey, sealed, CONTEXT), failsAs("unopenable"));
});

test("a point of small order as the ephemeral key is refused", () => {
  const sealed = sealToKey(runner.publicKey, PLAINTEXT, CONTEXT);
  sealed.fill(0, 1, 33);
  assert.throws(() => openWithKey(runner.privateKey, sealed, CONTEXT), failsAs("unopenable"));
});

test("what is no X25519 key is refused as such", () => {
  const ed25519 = generateKeyPairSync("ed25519");
  const publicPem = ed25519.publicKey.export({ type: "spki", format: "pem" }).toString();
  const sealed = sealToKey(runner.publicKey, PLAINTEXT, CONTEXT);
  assert.throws(() => sealToKey("horse", PLAINTEXT, CONTEXT), failsAs("bad_key"));
  assert.throws(() => sealToKey(publicPem, PLAINTEXT, CONTEXT), failsAs("bad_key"));
  assert.throws(() => openWithKey(ed25519.privateKey, sealed, CONTEXT), failsAs("bad_key"));
  assert.throws(() => openWithKey(runner.publicKey, sealed, CONTEXT), failsAs("bad_key"));
});
