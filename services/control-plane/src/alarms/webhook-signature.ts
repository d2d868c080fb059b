import { createHmac, randomBytes } from "node:crypto";

/*
 * How a receiver knows that a delivery is ours, and new:
 *
 *   millrace-signature: t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>.<body>">
 *
 * While a secret is being replaced there are two v1, one by each; one that fits is enough.
 */

const SECRET_BYTES = 32;

export function mintSecret(): string {
  return `mrw_${randomBytes(SECRET_BYTES).toString("base64url")}`;
}

/** What a sealed secret is bound to. */
export function secretContext(alarmUid: string): string {
  return `alarm|${alarmUid}|secret`;
}

export function signatureHeader(secrets: readonly string[], body: string, now: Date): string {
  const t = Math.floor(now.getTime() / 1_000);
  const signatures = secrets.map((secret) => createHmac("sha256", secret).update(`${t}.${body}`).digest("hex"));
  return [`t=${t}`, ...signatures.map((signature) => `v1=${signature}`)].join();
}
