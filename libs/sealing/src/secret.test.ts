import assert from "node:assert/strict";
import { test } from "node:test";
import { format, inspect } from "node:util";
import { constantTimeEqual, hashToken, Secret } from "./mod.ts";

test("a secret shows itself only when it is asked", () => {
  const secret = new Secret("canary");
  const holder = { token: secret, list: [secret] };
  const shown = [
    `${secret}`,
    String(secret),
    JSON.stringify(holder),
    inspect(holder, { depth: 9, showHidden: true }),
    inspect(secret, { customInspect: false, showHidden: true }),
    format("%s %o %O %j", secret, secret, secret, secret),
    JSON.stringify(structuredClone(Object.keys(secret))),
    new Error("no", { cause: secret }).stack,
  ].join("\n");
  assert.ok(!shown.includes("canary"), shown);
  assert.ok(shown.includes("[set]"));
  assert.equal(secret.reveal(), "canary");
});

test("a secret may be bytes", () => {
  const bytes = Buffer.from([1, 2, 3]);
  assert.equal(new Secret(bytes).reveal(), bytes);
});

test("a token's hash is its SHA-256 in hexadecimal digits", () => {
  assert.equal(hashToken("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("equality is that of the bytes, whatever their length", () => {
  assert.equal(constantTimeEqual("abc", "abc"), true);
  assert.equal(constantTimeEqual("abc", Buffer.from("abc")), true);
  assert.equal(constantTimeEqual("", ""), true);
  assert.equal(constantTimeEqual("abc", "abd"), false);
  assert.equal(constantTimeEqual("abc", "abcd"), false);
  assert.equal(constantTimeEqual("abc", ""), false);
});
