import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deriveKey, PROFILES } from "@millrace/signing";
import { isRefusal } from "../answering/reasons.ts";
import { BackendSigner } from "./backend-signer.ts";

interface Vector {
  name: string;
  secret: string;
  keyId: string;
  region: string;
  deployment: string;
  now: string;
  method: string;
  target: string;
  headers: Record<string, string>;
  /** Null: none; absent: it streams. */
  body?: string | null;
}

/** Those that the library for backends is tested with. */
const VECTORS = join(import.meta.dirname, "../../../../clients/verify/vectors.json");
const vectors = JSON.parse(readFileSync(VECTORS, "utf8")) as Vector[];
const own = { keyId: "AK1", project: "shop", disabled: false };

function signerOf(vector: Vector, known: typeof own | undefined = { ...own, keyId: vector.keyId }) {
  const { secret, region, deployment, now } = vector;
  const keyOf = (date: string) =>
    createSecretKey(deriveKey(PROFILES["AWS4-HMAC-SHA256"], secret, { date, region, service: deployment }));
  return new BackendSigner({
    keys: { get: ({ date }) => keyOf(date), fetch: async () => null },
    grants: { accessKey: () => known },
    region,
    nowMs: () => Date.parse(now),
  });
}

test("what is signed is what the library for backends verifies", async () => {
  assert.ok(vectors.length >= 4);
  for (const vector of vectors) {
    const signer = signerOf(vector);
    const { keyId, deployment: hostLabel, method, target, headers, body } = vector;
    const identity = { keyId, project: "shop", hostLabel };
    const { timestamp } = signer;
    const key = await signer.keyFor(identity, timestamp);
    assert.ok(!isRefusal(key));
    const given = Object.entries(headers).filter(([name]) => !/^x-millrace-(?:date|content|signature)/.test(name));
    const parts = { method, target, headers: given.flat(), body: typeof body === "string" ? Buffer.from(body) : body };
    const signed = signer.sign(identity, key, timestamp, parts);
    const added = Object.fromEntries(signed.flatMap((name, at) => (at % 2 === 0 ? [[name, signed[at + 1]]] : [])));
    assert.deepEqual({ ...Object.fromEntries(given), ...added }, headers, vector.name);
  }
});

test("a key that is disabled, unknown or another project's signs nothing", async () => {
  const identity = { keyId: "AK1", project: "shop", hostLabel: "abcdefghijkl" };
  const [vector] = vectors as [Vector];
  const refusalWith = async (known: typeof own | undefined) => {
    const signer = signerOf(vector, known);
    return isRefusal(await signer.keyFor(identity, signer.timestamp));
  };
  assert.equal(await refusalWith(own), false);
  assert.equal(await refusalWith({ ...own, disabled: true }), true);
  assert.equal(await refusalWith({ ...own, project: "other" }), true);
  const unknown = new BackendSigner({
    keys: { get: () => undefined, fetch: async () => null },
    grants: { accessKey: () => undefined },
    region: "r",
    nowMs: Date.now,
  });
  assert.equal(isRefusal(await unknown.keyFor(identity, unknown.timestamp)), true);
});

test("while auth does not answer, nothing goes out unsigned", async () => {
  const signer = new BackendSigner({
    keys: { get: () => undefined, fetch: () => Promise.reject(new Error("auth is away")) },
    grants: { accessKey: () => own },
    region: "r",
    nowMs: Date.now,
  });
  const refusal = await signer.keyFor({ keyId: "AK1", project: "shop", hostLabel: "a" }, signer.timestamp);
  assert.equal(isRefusal(refusal) && refusal.reason, "auth_unavailable");
});
