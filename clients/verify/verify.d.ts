export interface ReceivedRequest {
  method: string;
  /** Path and query as received: `request.url` of node:http. */
  target: string;
  /** `request.headers` of node:http, or any object of lower-case names. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The whole body. Leave it out while it streams: then only what was signed without its body passes, and what has none. */
  body?: Uint8Array | undefined;
}

export interface VerifyOptions {
  /** The secret of an access key; undefined when it is not one of yours. */
  secretOf: (keyId: string) => string | undefined | Promise<string | undefined>;
  /** Label and environment of the deployment that may call, e.g. `abc123def456-test`; any when left out. */
  deployment?: string;
  /** How old or how early a signature may be; 5 minutes when left out. */
  windowMs?: number;
  nowMs?: () => number;
}

export interface Verified {
  keyId: string;
  /** Of the deployment that called. */
  deployment: string;
  /** One for each request of a caller; what the gateway sends again has the same. */
  requestId: string;
  /** Whether the signature covers the body. */
  coversBody: boolean;
}

export type Refusal =
  | "signature_missing"
  | "signature_malformed"
  | "signature_expired"
  | "key_unknown"
  | "deployment_unexpected"
  | "body_mismatch"
  | "body_not_covered"
  | "signature_mismatch";

export class VerificationError extends Error {
  readonly reason: Refusal;
}

/** Throws VerificationError unless a gateway signed this request with the secret. */
export function verify(request: ReceivedRequest, options: VerifyOptions): Promise<Verified>;
