/**
 * Sealing to a public key: whoever holds it can write a secret that only the holder of the private key can read. The
 * control-plane seals a function's secrets to the runners' key and cannot read them back.
 *
 *     0x01 | ephemeral X25519 public key (32) | AES-256-GCM ciphertext | tag (16)
 *
 * An ephemeral key pair per message; HKDF-SHA256 over the shared secret, salted with both public keys, gives the key and
 * the nonce, which are therefore used once. The version, the ephemeral key and the context are authenticated.
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  KeyObject,
} from "node:crypto";
import { decrypt, encrypt, KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "./aead.ts";
import { SealingError } from "./sealing-error.ts";

const VERSION = 0x01;
const PUBLIC_KEY_BYTES = 32;
const HEADER_BYTES = 1 + PUBLIC_KEY_BYTES;
const INFO = "millrace sealed box 1";
/** What a DER-encoded X25519 public key starts with (RFC 8410); the 32 bytes of the key follow. */
const SPKI_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

/** `context` says what the secret is and whose, such as `function|<id>|<name>`; opening needs the same. */
export function sealToKey(publicKeyPem: string, plaintext: Uint8Array, context: string): Buffer {
  const recipient = x25519Key(() => createPublicKey(publicKeyPem));
  const ephemeral = generateKeyPairSync("x25519");
  const header = Buffer.concat([Uint8Array.of(VERSION), rawPublicKey(ephemeral.publicKey)]);
  const { key, nonce } = agree(ephemeral.privateKey, recipient, header, rawPublicKey(recipient));
  return Buffer.concat([header, encrypt(key, nonce, plaintext, header, context)]);
}

/** Throws SealingError; `unopenable` for another key, another context and changed bytes alike. */
export function openWithKey(privateKey: string | KeyObject, sealed: Uint8Array, context: string): Buffer {
  const own = x25519Key(() => (privateKey instanceof KeyObject ? privateKey : createPrivateKey(privateKey)));
  if (own.type !== "private") throw new SealingError("bad_key", "a private key is needed to open");
  if (sealed.length < HEADER_BYTES + TAG_BYTES || sealed[0] !== VERSION) {
    throw new SealingError("malformed", "not a sealed box of version 1");
  }
  const header = sealed.subarray(0, HEADER_BYTES);
  const { key, nonce } = agree(own, publicKeyOf(header), header, rawPublicKey(createPublicKey(own)));
  return decrypt(key, nonce, sealed.subarray(HEADER_BYTES), header, context);
}

function agree(own: KeyObject, other: KeyObject, header: Uint8Array, recipient: Uint8Array) {
  const shared = sharedSecret(own, other);
  const salt = Buffer.concat([header, recipient]);
  const bytes = Buffer.from(hkdfSync("sha256", shared, salt, INFO, KEY_BYTES + NONCE_BYTES));
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}

/** OpenSSL refuses points of small order, which would make the secret known to everybody. */
function sharedSecret(privateKey: KeyObject, publicKey: KeyObject): Buffer {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch {
    throw new SealingError("unopenable", "sealed with another key, for another context, or changed since");
  }
}

function x25519Key(read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new SealingError("bad_key", "not a key in PEM form");
  }
  if (key.asymmetricKeyType !== "x25519") throw new SealingError("bad_key", "not an X25519 key");
  return key;
}

const rawPublicKey = (key: KeyObject): Buffer =>
  key.export({ type: "spki", format: "der" }).subarray(SPKI_PREFIX.length);

const publicKeyOf = (header: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([SPKI_PREFIX, header.subarray(1)]), format: "der", type: "spki" });
