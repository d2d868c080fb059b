import { REASONS, type ReasonRow, type Refusal } from "./reasons.ts";

/** The body of a refusal: RFC 9457 with our members, and JD's envelope in the same object. */
export function problemBody({ reason, detail }: Refusal, requestId: string): Buffer {
  const row: ReasonRow = REASONS[reason];
  return Buffer.from(
    `${JSON.stringify({
      type: `urn:millrace:reason:${reason}`,
      title: row.title,
      status: row.status,
      detail,
      requestId,
      component: row.component,
      reason,
      error: { code: row.status, status: row.jdStatus, message: detail },
    })}\n`,
  );
}

/** Flat headers of a refusal, without those of every answer. */
export function problemHeaders(refusal: Refusal, body: Buffer): string[] {
  const row: ReasonRow = REASONS[refusal.reason];
  const headers = ["content-type", "application/problem+json", "content-length", String(body.length)];
  headers.push("cache-control", "no-store");
  if (row.retryAfterS !== undefined) headers.push("retry-after", String(row.retryAfterS));
  return refusal.headers ? headers.concat(refusal.headers) : headers;
}
