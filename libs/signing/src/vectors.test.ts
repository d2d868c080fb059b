import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import {
  type Algorithm,
  type Coverage,
  canonicalRequest,
  deriveKey,
  formatAuthorization,
  type HeaderPair,
  isFailure,
  PROFILES,
  parseAuthorization,
  sha256Hex,
  signature,
  stringToSign,
  verify,
} from "./mod.ts";

interface Vector {
  readonly name: string;
  readonly algorithm: Algorithm;
  readonly keyId: string;
  readonly secret: string;
  readonly region: string;
  readonly service: string;
  readonly timestamp: string;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly HeaderPair[];
  readonly body: string;
  readonly signedHeaders: readonly string[];
  readonly canonicalRequest: string;
  readonly canonicalRequestSha256Hex?: string;
  readonly derivedKeyHex?: string;
  readonly signature: string;
  readonly coverage?: Coverage;
  readonly wrongBody?: string;
}

const file = new URL("../vectors.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: Vector[] };
const aws4 = createRequire(import.meta.url)("aws4") as {
  RequestSigner: new (
    request: object,
    credentials: object,
  ) => { datetime: string; sign(): { headers: Record<string, string> } };
};

/** Asks as a client would: everything goes through an Authorization header. */
function verifyVector(vector: Vector, body: string, coverage: Coverage): boolean {
  const scope = { date: vector.timestamp.slice(0, 8), region: vector.region, service: vector.service };
  const profile = PROFILES[vector.algorithm];
  const credential = parseAuthorization(formatAuthorization({ ...vector, ...scope, profile }));
  assert.ok(!isFailure(credential));
  const request = { ...vector, bodySha256Hex: sha256Hex(body) };
  const derivedKey = deriveKey(profile, vector.secret, scope);
  return verify({ credential, timestamp: vector.timestamp, derivedKey, request, coverage });
}

for (const vector of vectors) {
  describe(vector.name, () => {
    const profile = PROFILES[vector.algorithm];
    const scope = { date: vector.timestamp.slice(0, 8), region: vector.region, service: vector.service };
    const canonical = canonicalRequest(profile, { ...vector, bodySha256Hex: sha256Hex(vector.body) });
    const key = deriveKey(profile, vector.secret, scope);

    test("every step gives the published value", () => {
      assert.equal(canonical, vector.canonicalRequest);
      if (vector.canonicalRequestSha256Hex) assert.equal(sha256Hex(canonical), vector.canonicalRequestSha256Hex);
      if (vector.derivedKeyHex) assert.equal(key.toString("hex"), vector.derivedKeyHex);
      assert.equal(signature(key, stringToSign(profile, vector.timestamp, scope, canonical)), vector.signature);
    });

    test("the signature verifies, and not for another body", () => {
      assert.equal(verifyVector(vector, vector.body, vector.coverage ?? "exact"), true);
      assert.equal(verifyVector(vector, `${vector.body}x`, "sigv4"), false);
      if (vector.wrongBody !== undefined) assert.equal(verifyVector(vector, vector.wrongBody, "sigv4"), false);
    });

    if (vector.coverage) {
      test("what only the looser rules cover is refused by the exact ones", () => {
        assert.equal(verifyVector(vector, vector.body, "exact"), false);
      });
    }

    if (vector.algorithm === "AWS4-HMAC-SHA256") {
      test("npm aws4 makes the same signature", () => {
        const headers = Object.fromEntries(vector.headers.map(([name, value]) => [name, value.trim()]));
        const { method, target: path, region, service } = vector;
        const body = vector.body === "" ? undefined : vector.body;
        const signer = new aws4.RequestSigner(
          { method, path, headers, body, region, service, doNotModifyHeaders: true },
          { accessKeyId: vector.keyId, secretAccessKey: vector.secret },
        );
        signer.datetime = vector.timestamp;
        assert.equal(signer.sign().headers.Authorization, formatAuthorization({ ...vector, ...scope, profile }));
      });
    }
  });
}

test("there are vectors for each profile", () => {
  assert.deepEqual(new Set(vectors.map(({ algorithm }) => algorithm)), new Set(Object.keys(PROFILES)));
});
