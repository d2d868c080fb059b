export { type Credential, formatAuthorization, parseAuthorization, type Scope, scopeOf } from "./authorization.ts";
export {
  type BodyPolicy,
  type DeclaredBody,
  declaredBodyHash,
  EMPTY_BODY_SHA256,
  sha256Hex,
  UNSIGNED_PAYLOAD,
} from "./body-hash.ts";
export { canonicalRequest, canonicalRequestForms, type SignableRequest, uncoveredParts } from "./canonical.ts";
export {
  CLOCK_WINDOW_MS,
  checkClock,
  formatTimestamp,
  parseTimestamp,
  type SignedDate,
  scopeDateFailure,
  signedDate,
} from "./date.ts";
export { type Failure, type Failure as ParseFailure, type FailureCode, isFailure } from "./failure.ts";
export { HeaderIndex, type HeaderPair, requiredSignedHeaders } from "./headers.ts";
export { type Algorithm, PROFILES, type Profile, profileOf } from "./profile.ts";
export type { Coverage } from "./query.ts";
export { type PresentedSignature, readSignature } from "./read.ts";
export { type RequestToSign, sign } from "./sign.ts";
export { deriveKey, type Presented, signature, stringToSign, verify } from "./signature.ts";
