import { randomBytes } from "node:crypto";
import { randomLabel } from "@millrace/names";
import { constantTimeEqual, hashToken } from "@millrace/sealing";

// Bearer tokens: `mrt_{id}_{secret}` (API tokens), `mrs_…` (sessions), `mri_…` (invitations). The id finds the row; the secret, 32 random
// bytes, is kept as its SHA-256 only.

const PREFIXES = { token: "mrt", session: "mrs", invitation: "mri" } as const;
export type BearerKind = keyof typeof PREFIXES;

const FORM = /^(mrt|mrs|mri)_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/;
const ID_CHARS = 12;
const SECRET_BYTES = 32;

export interface BearerToken {
  kind: BearerKind;
  id: string;
  secretHash: string;
}

/** A new token; `text` is shown once. */
export function mintBearer(kind: BearerKind): BearerToken & { text: string } {
  const id = randomLabel(ID_CHARS);
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  return { kind, id, secretHash: hashToken(secret), text: `${PREFIXES[kind]}_${id}_${secret}` };
}

/** Undefined for what cannot be a token of ours. */
export function parseBearer(text: string): BearerToken | undefined {
  const [, prefix, id, secret] = FORM.exec(text) ?? [];
  const kind = (Object.keys(PREFIXES) as BearerKind[]).find((one) => PREFIXES[one] === prefix);
  return kind && { kind, id: id!, secretHash: hashToken(secret!) };
}

/** Compares in a time that says nothing of where they differ. */
export function sameSecret(presented: BearerToken, stored: string): boolean {
  return constantTimeEqual(presented.secretHash, stored);
}
