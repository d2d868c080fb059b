/**
 * Sealing at rest under a master key, of which there may be several versions: new writes use the current one, old rows
 * stay readable until they are written anew.
 *
 *     0x01 | key version (4, big endian) | nonce (12, random) | AES-256-GCM ciphertext | tag (16)
 *
 * The format, the key version and the context are authenticated, so a row cannot be moved to another owner. Random
 * nonces are sound for 2^32 messages per key.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { decrypt, encrypt, KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "./aead.ts";
import { SealingError } from "./sealing-error.ts";

const FORMAT = 0x01;
const HEADER_BYTES = 5;
const VERSION_MAX = 0xffff_ffff;

export class MasterKeyring {
  readonly #keys: ReadonlyMap<number, Buffer>;
  readonly #current: number;

  private constructor(keys: ReadonlyMap<number, Buffer>, current: number) {
    this.#keys = keys;
    this.#current = current;
  }

  static fromFile(path: string): MasterKeyring {
    return MasterKeyring.parse(readFileSync(path, "utf8"));
  }

  /** `{"current": "2", "keys": {"1": "<base64>", "2": "<base64>"}}`, or the base64 of 32 bytes alone: version 1. */
  static parse(text: string): MasterKeyring {
    const trimmed = text.trim();
    if (!trimmed.startsWith("{")) return new MasterKeyring(new Map([[1, keyOf(trimmed, "1")]]), 1);
    const { current, keys } = documentOf(trimmed);
    const read = new Map(Object.entries(keys).map(([version, key]) => [versionOf(version), keyOf(key, version)]));
    if (!read.has(versionOf(current))) throw badKey("the current version is not among the keys");
    return new MasterKeyring(read, versionOf(current));
  }

  /** `context` says what the secret is and whose, such as `access-key|<id>|secret`; opening needs the same. */
  seal(plaintext: Uint8Array, context: string): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(FORMAT, 0);
    header.writeUInt32BE(this.#current, 1);
    const nonce = randomBytes(NONCE_BYTES);
    const key = this.#keys.get(this.#current) as Buffer;
    return Buffer.concat([header, nonce, encrypt(key, nonce, plaintext, header, context)]);
  }

  /** Throws SealingError: `malformed`, `unknown_key_version` or `unopenable`. */
  open(sealed: Uint8Array, context: string): Buffer {
    const key = this.#keys.get(versionIn(sealed));
    if (key === undefined) throw new SealingError("unknown_key_version", "the keyring lacks this key's version");
    const header = sealed.subarray(0, HEADER_BYTES);
    const nonce = sealed.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
    return decrypt(key, nonce, sealed.subarray(HEADER_BYTES + NONCE_BYTES), header, context);
  }

  /** False for what should be opened and sealed anew, so that an old key can be retired. */
  isCurrent(sealed: Uint8Array): boolean {
    return versionIn(sealed) === this.#current;
  }

  [inspect.custom](): string {
    return `MasterKeyring(current ${this.#current}, ${this.#keys.size} versions)`;
  }
}

function versionIn(sealed: Uint8Array): number {
  if (sealed.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES || sealed[0] !== FORMAT) {
    throw new SealingError("malformed", "not bytes that a master key sealed");
  }
  return Buffer.from(sealed.buffer, sealed.byteOffset, HEADER_BYTES).readUInt32BE(1);
}

function documentOf(text: string): { current: string; keys: Record<string, string> } {
  let document: { current?: unknown; keys?: unknown };
  try {
    document = JSON.parse(text);
  } catch {
    throw badKey("the file is neither base64 nor JSON");
  }
  const { current, keys } = document;
  if (typeof current !== "string" || typeof keys !== "object" || keys === null) {
    throw badKey('the JSON is not {"current": "<version>", "keys": {"<version>": "<base64>"}}');
  }
  return { current, keys: keys as Record<string, string> };
}

function versionOf(text: string): number {
  const version = Number(text);
  if (!/^[1-9]\d*$/.test(text) || version > VERSION_MAX) throw badKey("a version is not a number from 1");
  return version;
}

function keyOf(text: unknown, version: string): Buffer {
  const key = Buffer.from(typeof text === "string" ? text : "", "base64");
  if (key.length !== KEY_BYTES || key.toString("base64") !== text) {
    throw badKey(`version ${version} is not the base64 of ${KEY_BYTES} bytes`);
  }
  return key;
}

const badKey = (message: string): SealingError => new SealingError("bad_key", `master key: ${message}`);
