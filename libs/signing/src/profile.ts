/**
 * The three members of the SigV4 family that the platform speaks. They share every step (canonical request, string to
 * sign, key derivation) and differ only in the names of this table.
 */
export type Algorithm = "AWS4-HMAC-SHA256" | "JDCLOUD2-HMAC-SHA256" | "JDCLOUD3-HMAC-SHA256";

/** How a signer may have written the path; see canonical.ts. */
export type PathForm = "encodedAgain" | "respelled" | "asSent";

export interface Profile {
  readonly algorithm: Algorithm;
  /** Goes before the secret in the first HMAC of the key derivation. */
  readonly keyPrefix: string;
  /** The last part of the credential scope and the last HMAC of the key derivation. */
  readonly terminator: string;
  readonly headers: {
    readonly date: string;
    readonly nonce: string;
    readonly contentSha256: string;
    readonly securityTokens: readonly string[];
  };
  /** Read when the profile's own date header is absent. */
  readonly fallbackDateHeader: string | undefined;
  readonly nonceRequired: boolean;
  readonly hostMustBeSigned: boolean;
  /** In the order in which they are tried; the first is the one that the profile's documents describe. */
  readonly pathForms: readonly PathForm[];
}

const JDCLOUD = {
  headers: {
    date: "x-jdcloud-date",
    nonce: "x-jdcloud-nonce",
    contentSha256: "x-jdcloud-content-sha256",
    securityTokens: ["x-jdcloud-security-token", "x-jdcloud-session-token"],
  },
  fallbackDateHeader: undefined,
  nonceRequired: true,
  hostMustBeSigned: false,
} as const;

export const PROFILES = {
  "AWS4-HMAC-SHA256": {
    algorithm: "AWS4-HMAC-SHA256",
    keyPrefix: "AWS4",
    terminator: "aws4_request",
    headers: {
      date: "x-amz-date",
      nonce: "x-millrace-nonce",
      contentSha256: "x-amz-content-sha256",
      securityTokens: ["x-amz-security-token"],
    },
    fallbackDateHeader: "date",
    nonceRequired: false,
    hostMustBeSigned: true,
    pathForms: ["encodedAgain", "respelled", "asSent"],
  },
  "JDCLOUD2-HMAC-SHA256": {
    ...JDCLOUD,
    algorithm: "JDCLOUD2-HMAC-SHA256",
    keyPrefix: "JDCLOUD2",
    terminator: "jdcloud2_request",
    pathForms: ["respelled", "asSent", "encodedAgain"],
  },
  "JDCLOUD3-HMAC-SHA256": {
    ...JDCLOUD,
    algorithm: "JDCLOUD3-HMAC-SHA256",
    keyPrefix: "JDCLOUD3",
    terminator: "jdcloud3_request",
    pathForms: ["respelled", "asSent"],
  },
} as const satisfies Record<Algorithm, Profile>;

export const profileOf = (algorithm: string): Profile | undefined =>
  Object.hasOwn(PROFILES, algorithm) ? PROFILES[algorithm as Algorithm] : undefined;
