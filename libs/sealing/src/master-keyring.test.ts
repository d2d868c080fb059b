import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { MasterKeyring, SealingError, type SealingFailure } from "./mod.ts";

const key = (fill: number): string => Buffer.alloc(32, fill).toString("base64");
const ring = (current: string, keys: Record<string, string>) => MasterKeyring.parse(JSON.stringify({ current, keys }));
const failsAs = (failure: SealingFailure) => (error: unknown) =>
  error instanceof SealingError && error.failure === failure;

const CONTEXT = "access-key|MRKEY0001|secret";
const PLAINTEXT = Buffer.from("correct horse battery staple");
const keyring = MasterKeyring.parse(`${key(7)}\n`);

test("what is sealed opens for the same context", () => {
  assert.deepEqual(keyring.open(keyring.seal(PLAINTEXT, CONTEXT), CONTEXT), PLAINTEXT);
  assert.deepEqual(keyring.open(keyring.seal(Buffer.alloc(0), ""), ""), Buffer.alloc(0));
  assert.notDeepEqual(keyring.seal(PLAINTEXT, CONTEXT), keyring.seal(PLAINTEXT, CONTEXT));
});

test("sealed bytes are found inside a larger buffer, as a database driver hands them out", () => {
  const sealed = Buffer.concat([Buffer.alloc(3, 1), keyring.seal(PLAINTEXT, CONTEXT)]);
  assert.deepEqual(keyring.open(sealed.subarray(3), CONTEXT), PLAINTEXT);
  assert.deepEqual(keyring.open(new Uint8Array(sealed.subarray(3)), CONTEXT), PLAINTEXT);
});

test("a change of any byte is found", () => {
  const sealed = keyring.seal(PLAINTEXT, CONTEXT);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] as number) ^ 0x01;
    const failure = at === 0 ? "malformed" : at < 5 ? "unknown_key_version" : "unopenable";
    assert.throws(() => keyring.open(changed, CONTEXT), failsAs(failure), `byte ${at}`);
  }
});

test("truncated bytes are refused", () => {
  const sealed = keyring.seal(PLAINTEXT, CONTEXT);
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(() => keyring.open(sealed.subarray(0, length), CONTEXT), SealingError);
  }
});

test("another context and another key do not open it", () => {
  const sealed = keyring.seal(PLAINTEXT, CONTEXT);
  assert.throws(() => keyring.open(sealed, "access-key|MRKEY0002|secret"), failsAs("unopenable"));
  assert.throws(() => MasterKeyring.parse(key(8)).open(sealed, CONTEXT), failsAs("unopenable"));
});

test("the key version is bound: bytes cannot pass for those of another version, even under the same key", () => {
  const both = ring("1", { "1": key(7), "2": key(7) });
  const sealed = both.seal(PLAINTEXT, CONTEXT);
  sealed.writeUInt32BE(2, 1);
  assert.throws(() => both.open(sealed, CONTEXT), failsAs("unopenable"));
});

test("after a rotation old bytes open, new ones use the new key, and the old key can go when none are left", () => {
  const old = keyring.seal(PLAINTEXT, CONTEXT);
  const rotated = ring("2", { "1": key(7), "2": key(9) });
  const fresh = rotated.seal(rotated.open(old, CONTEXT), CONTEXT);
  assert.deepEqual([rotated.isCurrent(old), rotated.isCurrent(fresh)], [false, true]);
  const retired = ring("2", { "2": key(9) });
  assert.deepEqual(retired.open(fresh, CONTEXT), PLAINTEXT);
  assert.throws(() => retired.open(old, CONTEXT), failsAs("unknown_key_version"));
});

test("a keyring is read from a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-keyring-"));
  try {
    const path = join(folder, "master.key");
    writeFileSync(path, `${key(7)}\n`, { mode: 0o600 });
    assert.deepEqual(MasterKeyring.fromFile(path).open(keyring.seal(PLAINTEXT, CONTEXT), CONTEXT), PLAINTEXT);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a file that holds no usable key is refused without showing it", () => {
  const short = Buffer.alloc(31, 7).toString("base64");
  const texts = ["", short, `${key(7)}=`, key(7).replace("=", ""), "{", "{}", "[]", `{"current":"1","keys":null}`];
  const documents = [
    { current: "2", keys: { "1": key(7) } },
    { current: "1", keys: { "1": short } },
    { current: "1", keys: { "1": 7 } },
    { current: 1, keys: { "1": key(7) } },
    { current: "0", keys: { "0": key(7) } },
    { current: "01", keys: { "01": key(7) } },
    { current: "4294967296", keys: { "4294967296": key(7) } },
  ];
  for (const text of [...texts, ...documents.map((document) => JSON.stringify(document))]) {
    assert.throws(
      () => MasterKeyring.parse(text),
      (error) => failsAs("bad_key")(error) && !String(error).includes(key(7).slice(0, 20)),
      text,
    );
  }
});

test("a keyring shows no key", () => {
  const shown = inspect(keyring, { showHidden: true, depth: 9 }) + JSON.stringify(keyring);
  assert.match(shown, /current 1, 1 versions/);
  assert.ok(!shown.includes(key(7)));
});
