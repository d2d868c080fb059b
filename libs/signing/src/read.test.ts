import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EMPTY_BODY_SHA256,
  type FailureCode,
  formatAuthorization,
  type HeaderPair,
  isFailure,
  PROFILES,
  type Profile,
  readSignature,
  requiredSignedHeaders,
  sign,
} from "./mod.ts";

const AWS4 = PROFILES["AWS4-HMAC-SHA256"];
const JDCLOUD3 = PROFILES["JDCLOUD3-HMAC-SHA256"];
const SCOPE = { region: "local-1", service: "abc123def456" };

function signed(profile: Profile, extra: readonly HeaderPair[] = []): HeaderPair[] {
  const added = sign(profile, {
    ...SCOPE,
    method: "get",
    url: "http://abc123def456.local-1.localhost/pets",
    headers: extra,
    keyId: "KEY",
    secret: "secret",
    now: new Date(Date.UTC(2026, 2, 1)),
    nonce: "5d1a",
  });
  return [["Host", "abc123def456.local-1.localhost"], ...extra, ...Object.entries(added)];
}

const without = (headers: readonly HeaderPair[], name: string): HeaderPair[] => headers.filter(([n]) => n !== name);
const withValue = (headers: readonly HeaderPair[], name: string, value: string): HeaderPair[] =>
  headers.map(([n, v]) => [n, n === name ? value : v]);

function failureOf(headers: readonly HeaderPair[], allowUnsignedPayload = false): FailureCode | "none" {
  const read = readSignature(headers, { allowUnsignedPayload });
  return isFailure(read) ? read.failure : "none";
}

/** The same header list, signed names replaced; what the signature says does not matter here. */
function naming(headers: readonly HeaderPair[], change: (names: readonly string[]) => string[]): HeaderPair[] {
  const read = readSignature(headers);
  assert.ok(!isFailure(read));
  const credential = { ...read.credential, signedHeaders: change(read.credential.signedHeaders) };
  return withValue(headers, "authorization", formatAuthorization(credential));
}

test("everything that the headers tell is read", () => {
  for (const profile of Object.values(PROFILES)) {
    const read = readSignature(signed(profile));
    assert.ok(!isFailure(read));
    assert.equal(read.credential.profile, profile);
    assert.equal(read.credential.keyId, "KEY");
    assert.equal(read.nonce, "5d1a");
    assert.equal(read.signedAt, Date.UTC(2026, 2, 1));
    assert.deepEqual(read.declaredBody, { kind: "sha256", sha256Hex: EMPTY_BODY_SHA256 });
  }
});

test("the date, and where the profile asks for them the host and the nonce, must be signed", () => {
  const drop = (name: string) => (names: readonly string[]) => names.filter((each) => each !== name);
  assert.equal(failureOf(naming(signed(AWS4), drop("host"))), "header_unsigned");
  assert.equal(failureOf(naming(signed(AWS4), drop("x-amz-date"))), "header_unsigned");
  assert.equal(failureOf(naming(signed(JDCLOUD3), drop("host"))), "none");
  assert.equal(failureOf(naming(signed(JDCLOUD3), drop("x-jdcloud-date"))), "header_unsigned");
  assert.equal(failureOf(naming(signed(JDCLOUD3), drop("x-jdcloud-nonce"))), "header_unsigned");
});

test("a nonce or a security token that is sent must be signed, too", () => {
  assert.deepEqual(requiredSignedHeaders(AWS4, [["Date", ""]]), ["host", "date"]);
  assert.deepEqual(
    requiredSignedHeaders(AWS4, [
      ["X-Millrace-Nonce", "1"],
      ["X-Amz-Security-Token", "t"],
    ]),
    ["host", "x-amz-date", "x-millrace-nonce", "x-amz-security-token"],
  );
  assert.equal(failureOf([...signed(AWS4), ["X-Amz-Security-Token", "t"]]), "header_unsigned");
});

test("AWS4 needs no nonce, JD's profiles do", () => {
  const drop = (names: readonly string[]) => names.filter((name) => name !== "x-millrace-nonce");
  assert.equal(failureOf(without(naming(signed(AWS4), drop), "x-millrace-nonce")), "none");
  assert.equal(failureOf(without(signed(JDCLOUD3), "x-jdcloud-nonce")), "nonce_missing");
  assert.equal(failureOf(withValue(signed(JDCLOUD3), "x-jdcloud-nonce", "")), "nonce_malformed");
  assert.equal(failureOf(withValue(signed(JDCLOUD3), "x-jdcloud-nonce", "n".repeat(129))), "nonce_malformed");
  assert.equal(failureOf(withValue(signed(JDCLOUD3), "x-jdcloud-nonce", "n".repeat(128))), "none");
});

test("a signed header that was not sent is refused", () => {
  assert.equal(failureOf(naming(signed(AWS4), (names) => [...names, "x-gone"])), "header_absent");
});

test("a header that decides something may be there once", () => {
  const names = ["authorization", "x-jdcloud-date", "x-jdcloud-nonce", "x-jdcloud-content-sha256"];
  for (const name of names) {
    const headers = signed(JDCLOUD3);
    const repeated = headers.find(([each]) => each === name) as HeaderPair;
    assert.equal(failureOf([...headers, repeated]), "header_repeated", name);
  }
});

test("the body's hash must be a hash, and may be left out or waived only where that is allowed", () => {
  const name = "x-jdcloud-content-sha256";
  const headers = signed(JDCLOUD3);
  assert.equal(failureOf(withValue(headers, name, "anything")), "body_hash_malformed");
  assert.equal(failureOf(withValue(headers, name, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")), "body_hash_malformed");
  assert.equal(failureOf(withValue(headers, name, "UNSIGNED-PAYLOAD")), "body_hash_unsigned");
  const read = readSignature(withValue(headers, name, "UNSIGNED-PAYLOAD"), { allowUnsignedPayload: true });
  assert.deepEqual(isFailure(read) ? read : read.declaredBody, { kind: "unsigned" });
});

test("a signature of yesterday's scope is refused", () => {
  assert.equal(failureOf(withValue(signed(AWS4), "x-amz-date", "20260302T000000Z")), "date_outside_scope");
});

test("no failure repeats what a header holds", () => {
  const headers = signed(JDCLOUD3, [["x-canary", "canary-value"]]);
  for (const [name] of headers) {
    const read = readSignature(withValue(headers, name, "canary-value"));
    if (isFailure(read)) assert.ok(!read.detail.includes("canary-value"), read.detail);
  }
});

test("a header that HTTP cannot carry cannot be signed", () => {
  for (const value of ["a\nb", "a\r", "\u0000", "中"]) {
    assert.throws(() => signed(AWS4, [["x-note", value]]), TypeError);
  }
});
