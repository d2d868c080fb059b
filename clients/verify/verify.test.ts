import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type ReceivedRequest, type VerifyOptions, verify } from "./verify.js";

interface Vector {
  name: string;
  secret: string;
  keyId: string;
  deployment: string;
  now: string;
  method: string;
  target: string;
  headers: Record<string, string>;
  /** Null: none; absent: it streams. */
  body?: string | null;
}

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, "vectors.json"), "utf8")) as Vector[];
const [bare, whole, streamed] = vectors as [Vector, Vector, Vector];

function check(vector: Vector, request: Partial<ReceivedRequest> = {}, options: Partial<VerifyOptions> = {}) {
  const { method, target, headers, body, secret, keyId, now } = vector;
  const received = { method, target, headers, body: typeof body === "string" ? Buffer.from(body) : undefined };
  const secretOf = (id: string) => (id === keyId ? secret : undefined);
  return verify({ ...received, ...request }, { secretOf, nowMs: () => Date.parse(now), ...options });
}

const refused = (checking: Promise<unknown>, reason: string, message?: string) =>
  assert.rejects(checking, { name: "VerificationError", reason }, message);

test("what a gateway signed is verified, and who and what it was is told", async () => {
  for (const vector of vectors) {
    const { keyId, deployment } = vector;
    const requestId = vector.headers["x-millrace-request-id"];
    const coversBody = vector.body !== undefined;
    assert.deepEqual(await check(vector), { keyId, deployment, requestId, coversBody }, vector.name);
  }
});

test("what was changed on the way is refused", async () => {
  const headers = (change: Record<string, string | undefined>) => ({ headers: { ...bare.headers, ...change } });
  await refused(check(bare, { method: "POST" }), "signature_mismatch");
  await refused(check(bare, { target: "/v1/pets/8?full=1&q=a%20b" }), "signature_mismatch");
  await refused(check(bare, headers({ "x-forwarded-for": "6.6.6.6" })), "signature_mismatch");
  await refused(check(bare, headers({ host: "other.example.com" })), "signature_mismatch");
  await refused(check(bare, headers({ "x-millrace-request-id": "f".repeat(32) })), "signature_mismatch");
  await refused(check(bare, headers({ "x-millrace-content-sha256": "STREAMED" })), "signature_mismatch");
  for (const name of ["x-jdcloud-pin", "x-jdcloud-userid", "content-type"])
    await refused(check(bare, headers({ [name]: "cm9vdA==" })), "signature_mismatch", `${name} added`);
  await refused(check(whole, { body: Buffer.from("{}") }), "body_mismatch");
  await refused(check(whole, { body: undefined }), "body_mismatch");
  await refused(check(bare, { body: Buffer.from("more") }), "body_mismatch");
  await refused(check(streamed, { body: Buffer.from("x") }), "body_not_covered");
});

test("a signature has its time, its key and its deployment", async () => {
  const at = (ms: number) => check(bare, {}, { nowMs: () => Date.parse(bare.now) + ms });
  await at(300_000);
  await at(-300_000);
  await refused(at(300_001), "signature_expired");
  await refused(at(-300_001), "signature_expired");
  await refused(check(bare, {}, { secretOf: () => undefined }), "key_unknown");
  await refused(check(bare, {}, { secretOf: () => "another" }), "signature_mismatch");
  await check(bare, {}, { deployment: "abc123def456-test" });
  await refused(check(bare, {}, { deployment: "abc123def456" }), "deployment_unexpected");
});

test("what is no signature is refused, and one that leaves out who asked and where", async () => {
  await refused(check(bare, { headers: { host: "api.example.com" } }), "signature_missing");
  const text = bare.headers["x-millrace-signature"]!;
  const faulty = ["", "x", text.slice(0, -1), `${text}0`, text.replace("MILLRACE1", "AWS4"), text.replace(/host;/, "")];
  for (const signature of [
    ...faulty,
    text.replace("20261123", "20261122"),
    text.replace(/;x-millrace-request-id/, ""),
  ]) {
    const headers = { ...bare.headers, "x-millrace-signature": signature };
    await refused(check(bare, { headers }), "signature_malformed", signature);
  }
  const undated = { ...bare.headers, "x-millrace-date": "yesterday" };
  await refused(check(bare, { headers: undated }), "signature_malformed");
});
