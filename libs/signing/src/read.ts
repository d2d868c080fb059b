/** Everything about a signed request that its headers tell, in one step: what a gateway does before it has a key. */
import { type Credential, parseAuthorization } from "./authorization.ts";
import { type BodyPolicy, type DeclaredBody, declaredBodyHash } from "./body-hash.ts";
import { type SignedDate, scopeDateFailure, signedDate } from "./date.ts";
import { type Failure, fail, isFailure } from "./failure.ts";
import { HeaderIndex, type HeaderPair, requiredSignedHeaders } from "./headers.ts";

export interface PresentedSignature extends SignedDate {
  readonly credential: Credential;
  /** Signed, and to be remembered for the clock window on both sides of now. */
  readonly nonce: string | undefined;
  readonly declaredBody: DeclaredBody;
}

const NONCE_LENGTH_MAX = 128;

/**
 * Reads and checks the headers. Left to the caller: the clock (`checkClock`), the scope's region and service, the key,
 * `verify`, the body against what was declared, the nonce.
 */
export function readSignature(
  headers: readonly HeaderPair[] | HeaderIndex,
  policy: BodyPolicy = {},
): PresentedSignature | Failure {
  const index = HeaderIndex.of(headers);
  const authorization = index.single("authorization");
  if (typeof authorization === "object") return authorization;
  const credential = parseAuthorization(authorization);
  if (isFailure(credential)) return credential;
  const date = signedDate(credential.profile, index);
  if (isFailure(date)) return date;
  const nonce = readNonce(credential, index);
  if (typeof nonce === "object") return nonce;
  const declaredBody = declaredBodyHash(credential.profile, index, policy);
  if (isFailure(declaredBody)) return declaredBody;
  return (
    scopeDateFailure(credential.date, date) ??
    signedHeadersFailure(credential, index) ?? { credential, ...date, nonce, declaredBody }
  );
}

function readNonce({ profile }: Credential, index: HeaderIndex): string | undefined | Failure {
  const name = profile.headers.nonce;
  const nonce = index.single(name);
  if (nonce === undefined) {
    return profile.nonceRequired ? fail("nonce_missing", `there is no header ${name}`) : undefined;
  }
  if (typeof nonce === "string" && !NONCE.test(nonce)) {
    return fail("nonce_malformed", `header ${name} is not 1 to ${NONCE_LENGTH_MAX} visible characters`);
  }
  return nonce;
}

function signedHeadersFailure({ profile, signedHeaders }: Credential, index: HeaderIndex): Failure | undefined {
  const unsigned = requiredSignedHeaders(profile, index).find((name) => !signedHeaders.includes(name));
  if (unsigned !== undefined) return fail("header_unsigned", `header ${unsigned} must be signed`);
  const absent = signedHeaders.find((name) => !index.has(name));
  return absent === undefined ? undefined : fail("header_absent", `header ${absent} is signed but was not sent`);
}

const NONCE = new RegExp(`^[\\x20-\\x7e]{1,${NONCE_LENGTH_MAX}}$`);
