// Checks that a request comes from a Millrace gateway that holds a key derived from the secret. Needs nothing but Node.
//
//   x-millrace-date: 20261123T010203Z
//   x-millrace-content-sha256: hex, or STREAMED when the body was not there yet
//   x-millrace-signature: MILLRACE1-HMAC-SHA256 Credential={key}/{date}/{region}/{deployment}, SignedHeaders=a;b, Signature={hex}
//
// The signature is HMAC-SHA256 of these lines, joined by a line feed each, under the key of the day:
//
//   MILLRACE1-HMAC-SHA256, timestamp, {date}/{region}/{deployment}, method, target, content-sha256, then `name:value` of each signed header
//
// The key of the day is SigV4's chain: HMAC("AWS4" + secret, date), of that HMAC region, deployment, "aws4_request".

import { createHash, createHmac, timingSafeEqual } from "node:crypto";

const ALGORITHM = "MILLRACE1-HMAC-SHA256";
const SIGNATURE =
  /^MILLRACE1-HMAC-SHA256 Credential=([A-Za-z0-9]{1,64})\/(\d{8})\/([A-Za-z0-9.-]{1,64})\/([a-z0-9-]{1,63}), SignedHeaders=([a-z0-9;-]{1,1024}), Signature=([0-9a-f]{64})$/;
const TIMESTAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const NEEDED = ["host", "x-millrace-request-id"];
/** Gateways sign these whenever they send them. One that is not signed was added on the way. */
const SIGNED = [
  ...["content-type", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"],
  ...["x-jdcloud-pin", "x-jdcloud-userid", "x-millrace-depth"],
];
const STREAMED = "STREAMED";
const WINDOW_MS = 300_000;

export class VerificationError extends Error {
  constructor(reason, message) {
    super(message);
    this.name = "VerificationError";
    this.reason = reason;
  }
}

export async function verify({ method, target, headers, body }, options) {
  const { secretOf, deployment: expected, windowMs = WINDOW_MS, nowMs = Date.now } = options;
  const text = headerOf(headers, "x-millrace-signature");
  if (text === undefined) throw new VerificationError("signature_missing", "The request is not signed.");
  const [whole, keyId, date, region, deployment, names, given] = SIGNATURE.exec(text) ?? [];
  const timestamp = headerOf(headers, "x-millrace-date") ?? "";
  const signedAtMs = readTimestamp(timestamp);
  const digest = headerOf(headers, "x-millrace-content-sha256") ?? "";
  const signedNames = (names ?? "").split(";");
  const isWhole = whole !== undefined && signedAtMs !== undefined && timestamp.startsWith(date);
  if (!isWhole || NEEDED.some((name) => !signedNames.includes(name)))
    throw new VerificationError("signature_malformed", "The signature cannot be read.");
  if (Math.abs(nowMs() - signedAtMs) > windowMs)
    throw new VerificationError("signature_expired", "The signature's date is too far from now.");
  if (expected !== undefined && expected !== deployment)
    throw new VerificationError("deployment_unexpected", `The request was signed for ${deployment}.`);
  const secret = await secretOf(keyId);
  if (secret === undefined) throw new VerificationError("key_unknown", `The key ${keyId} is not known here.`);

  const scope = `${date}/${region}/${deployment}`;
  const pairs = signedNames.map((name) => `${name}:${headerOf(headers, name) ?? ""}`);
  const lines = [ALGORITHM, timestamp, scope, method, target, digest, ...pairs];
  const key = keyOfDay(secret, [date, region, deployment]);
  const made = createHmac("sha256", key).update(lines.join("\n"), "latin1").digest();
  if (!timingSafeEqual(made, Buffer.from(given, "hex")))
    throw new VerificationError("signature_mismatch", "The signature is not that of this request.");
  const added = SIGNED.find((name) => headerOf(headers, name) !== undefined && !signedNames.includes(name));
  if (added !== undefined) throw new VerificationError("signature_mismatch", `The header ${added} is not signed.`);
  checkBody(digest, body);
  return {
    keyId,
    deployment,
    requestId: headerOf(headers, "x-millrace-request-id") ?? "",
    coversBody: digest !== STREAMED,
  };
}

function checkBody(digest, body) {
  if (digest === STREAMED) {
    if (body === undefined) return;
    throw new VerificationError("body_not_covered", "The body was not there yet when the request was signed.");
  }
  if (
    createHash("sha256")
      .update(body ?? "")
      .digest("hex") !== digest
  )
    throw new VerificationError("body_mismatch", "The body is not the one that was signed.");
}

function keyOfDay(secret, parts) {
  let key = `AWS4${secret}`;
  for (const part of [...parts, "aws4_request"]) key = createHmac("sha256", key).update(part).digest();
  return key;
}

function headerOf(headers, name) {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function readTimestamp(text) {
  const [whole, ...parts] = TIMESTAMP.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const [year, month, day, hour, minute, second] = parts.map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
