/**
 * AES-256-GCM with everything that is easy to forget: a full 16-byte tag (Node takes 4 bytes unless told otherwise),
 * and a header and a context that are authenticated, each with its length, so that no two pairs look alike.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { SealingError } from "./sealing-error.ts";

const ALGORITHM = "aes-256-gcm";

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** Ciphertext followed by its tag. */
export function encrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  header: Uint8Array,
  context: string,
) {
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(authenticated(header, context));
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Throws SealingError `unopenable` and gives away no plaintext when anything differs. */
export function decrypt(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, header: Uint8Array, context: string) {
  const tagAt = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(authenticated(header, context));
  decipher.setAuthTag(sealed.subarray(tagAt));
  const plaintext = decipher.update(sealed.subarray(0, tagAt));
  try {
    return Buffer.concat([plaintext, decipher.final()]);
  } catch {
    plaintext.fill(0);
    throw new SealingError("unopenable", "sealed with another key, for another context, or changed since");
  }
}

function authenticated(header: Uint8Array, context: string): Buffer {
  return Buffer.concat([Uint8Array.of(header.length), header, Buffer.from(context, "utf8")]);
}
