import assert from "node:assert/strict";
import { test } from "node:test";
import { type FailureCode, formatAuthorization, isFailure, PROFILES, parseAuthorization } from "./mod.ts";

const HEX = "0123456789abcdef".repeat(4);
const SCOPE = "20190214/cn-north-1/test/jdcloud2_request";
const GOOD = `JDCLOUD2-HMAC-SHA256 Credential=AK/${SCOPE}, SignedHeaders=host;x-jdcloud-date, Signature=${HEX}`;

const failureOf = (header: string | undefined): FailureCode | "none" => {
  const parsed = parseAuthorization(header);
  return isFailure(parsed) ? parsed.failure : "none";
};

test("an Authorization header is read into its parts", () => {
  assert.deepEqual(parseAuthorization(GOOD), {
    profile: PROFILES["JDCLOUD2-HMAC-SHA256"],
    keyId: "AK",
    date: "20190214",
    region: "cn-north-1",
    service: "test",
    signedHeaders: ["host", "x-jdcloud-date"],
    signature: HEX,
  });
});

test("its parts may come in any order, with or without blanks", () => {
  const [algorithm, credential, names, hex] = GOOD.split(/,? /) as [string, string, string, string];
  const parsed = parseAuthorization(`${algorithm} ${hex},${names},  ${credential}`);
  assert.ok(!isFailure(parsed));
  assert.equal(formatAuthorization(parsed), GOOD);
});

test("a key id may hold a blank or a slash", () => {
  for (const keyId of ["access key", "a/b"]) {
    const parsed = parseAuthorization(GOOD.replace("AK", keyId));
    assert.ok(!isFailure(parsed));
    assert.equal(parsed.keyId, keyId);
  }
});

const bad: [what: string, header: string | undefined, failure: FailureCode][] = [
  ["no header", undefined, "authorization_missing"],
  ["an empty header", "", "authorization_missing"],
  ["a bearer token", "Bearer abc", "algorithm_unknown"],
  ["an algorithm that every object has", `constructor ${GOOD.slice(21)}`, "algorithm_unknown"],
  ["an algorithm alone", "AWS4-HMAC-SHA256", "credential_missing"],
  ["no Credential", GOOD.replace(/Credential=[^,]*, /, ""), "credential_missing"],
  ["an empty Credential", GOOD.replace(/Credential=[^,]*/, "Credential="), "credential_missing"],
  ["a Credential without a key id", GOOD.replace("AK/", ""), "credential_malformed"],
  ["a Credential with an empty key id", GOOD.replace("AK/", "/"), "credential_malformed"],
  ["a scope without a region", GOOD.replace("cn-north-1", ""), "credential_malformed"],
  ["a scope whose date has seven digits", GOOD.replace("20190214", "2019021"), "credential_malformed"],
  ["a key id of 129 bytes", GOOD.replace("AK", "k".repeat(129)), "credential_malformed"],
  ["another algorithm's terminator", GOOD.replace("jdcloud2_request", "aws4_request"), "scope_terminator_wrong"],
  ["no SignedHeaders", GOOD.replace(/SignedHeaders=[^,]*, /, ""), "signed_headers_missing"],
  ["an upper-case signed header", GOOD.replace("host", "Host"), "signed_headers_malformed"],
  ["a signed header twice", GOOD.replace("host", "x-jdcloud-date"), "signed_headers_malformed"],
  ["an empty signed header", GOOD.replace("host;", ";"), "signed_headers_malformed"],
  ["101 signed headers", GOOD.replace("host", manyNames(100)), "signed_headers_malformed"],
  ["no Signature", GOOD.replace(/, Signature=.*/, ""), "signature_missing"],
  ["a signature of 63 digits", GOOD.slice(0, -1), "signature_malformed"],
  ["an upper-case signature", GOOD.replace(HEX, HEX.toUpperCase()), "signature_malformed"],
  ["a part twice", `${GOOD}, Signature=${HEX}`, "authorization_malformed"],
  ["an unknown part", `${GOOD}, Extra=1`, "authorization_malformed"],
  ["a header of 8193 bytes", GOOD.padEnd(8193, " "), "authorization_malformed"],
];

function manyNames(count: number): string {
  return Array.from({ length: count }, (_, at) => `h${at}`).join(";");
}

for (const [what, header, failure] of bad) {
  test(`${what} is refused as ${failure}`, () => assert.equal(failureOf(header), failure));
}

test("exactly 100 signed headers are allowed", () => {
  assert.equal(failureOf(GOOD.replace("host", manyNames(99))), "none");
});
