import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { issueCertificate } from "@millrace/testing";
import { LIMITS } from "../limits.ts";
import { checkCertificate, stateOfCertificate } from "./certificate.ts";

const HOST = "api.shop.example";
const now = new Date();
const DAY_MS = 86_400_000;
const days = (count: number) => new Date(now.getTime() + count * DAY_MS);

const root = { commonName: "A root", ...issueCertificate({ commonName: "A root", names: [] }) };
const intermediate = { commonName: "Between", ...issueCertificate({ commonName: "Between", names: [], issuer: root }) };
const leaf = issueCertificate({ commonName: HOST, names: [HOST], issuer: intermediate, use: "server" });
const key = leaf.privateKey;

const check = (chainPem: string, privateKeyPem = key) => checkCertificate(HOST, { chainPem, privateKeyPem }, now);

/** Checks that exactly one thing is wrong, with which field, and what is said of it. */
function refusedFor(field: string, says: RegExp, chainPem: string, privateKeyPem = key): void {
  assert.throws(
    () => check(chainPem, privateKeyPem),
    (error) => {
      assert.ok(error instanceof PlatformError);
      const [violation, ...others] = error.violations;
      assert.deepEqual([violation?.field, others], [field, []]);
      assert.match(violation!.description, says);
      const secret = privateKeyPem.split("\n")[1];
      assert.ok(!secret || !JSON.stringify({ ...error, message: error.message }).includes(secret));
      return true;
    },
  );
}

test("a chain in order, with text between its certificates, is taken as those certificates and nothing else", () => {
  const checked = check(`subject=...\n${leaf.certificate}\nissuer=…\n${intermediate.certificate}${root.certificate}`);
  assert.equal(checked.chainPem, leaf.certificate + intermediate.certificate + root.certificate);
  assert.equal(checked.privateKeyPem, key);
  assert.deepEqual(checked.hosts, [HOST]);
  assert.equal(checked.issuer, "CN=Between");
  assert.equal(checked.keyAlgorithm, "EC P-256");
  assert.equal(
    checked.fingerprint,
    new X509Certificate(leaf.certificate).fingerprint256.replaceAll(":", "").toLowerCase(),
  );
  assert.ok(checked.notBefore < now && checked.notAfter > now);
});

test("a certificate for a wildcard covers the host; one for another host, or a deeper wildcard, does not", () => {
  const named = (...names: string[]) => issueCertificate({ names });
  for (const names of [[HOST], ["*.shop.example"], ["other.example", HOST.toUpperCase()]]) {
    const { certificate, privateKey } = named(...names);
    check(certificate, privateKey);
  }
  for (const names of [["shop.example"], ["*.example"], ["*.api.shop.example"], ["a*.shop.example"], []]) {
    const { certificate, privateKey } = named(...names);
    refusedFor("chain_pem", /is not for api\.shop\.example, but for/, certificate, privateKey);
  }
  const byCommonName = issueCertificate({ commonName: HOST, names: ["other.example"] });
  refusedFor("chain_pem", /but for other\.example/, byCommonName.certificate, byCommonName.privateKey);
});

test("what is no chain, out of order, or has a stranger in it is refused with the place", () => {
  refusedFor("chain_pem", /must hold certificates/, "");
  refusedFor("chain_pem", /must hold certificates/, "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----");
  refusedFor(
    "chain_pem",
    /certificate 2 cannot be read/,
    `${leaf.certificate}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`,
  );
  refusedFor("chain_pem", /certificate 2 did not issue certificate 1/, leaf.certificate + root.certificate);
  const impostor = issueCertificate({ commonName: "Between", names: [], issuer: root });
  refusedFor("chain_pem", /certificate 2 did not issue certificate 1/, leaf.certificate + impostor.certificate);
  refusedFor("chain_pem", /holds a private key/, leaf.certificate + key);
  const self = issueCertificate({ names: [HOST] });
  const many = self.certificate.repeat(LIMITS.domain.certificatesMax + 1);
  refusedFor("chain_pem", /at most 10 certificates/, many, self.privateKey);
  refusedFor("chain_pem", /at most 65536 bytes/, "x".repeat(LIMITS.domain.chainBytesMax + 1));
});

test("a certificate that has ended, or has not begun, is refused, wherever it is in the chain", () => {
  const of = (fields: object) => issueCertificate({ names: [HOST], ...fields });
  const ended = of({ notBefore: days(-3), notAfter: days(-1) });
  refusedFor("chain_pem", /certificate 1 ended on/, ended.certificate, ended.privateKey);
  const early = of({ notBefore: days(1), notAfter: days(3) });
  refusedFor("chain_pem", /certificate 1 does not begin before/, early.certificate, early.privateKey);
  const old = { commonName: "Old", ...issueCertificate({ commonName: "Old", names: [], notAfter: days(-0.5) }) };
  const under = of({ issuer: old });
  refusedFor("chain_pem", /certificate 2 ended on/, under.certificate + old.certificate, under.privateKey);
});

test("a certificate for clients is refused", () => {
  const { certificate, privateKey } = issueCertificate({ names: [HOST], use: "client" });
  refusedFor("chain_pem", /not for servers/, certificate, privateKey);
});

test("keys of RSA from 2048 to 4096 bits and on P-256 and P-384 are taken, and no others", () => {
  const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength }).privateKey;
  const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve }).privateKey;
  const taken = { "RSA 2048": rsa(2_048), "EC P-256": ec("P-256"), "EC P-384": ec("P-384") };
  for (const [algorithm, keyObject] of Object.entries(taken)) {
    const { certificate, privateKey } = issueCertificate({ names: [HOST], key: keyObject });
    assert.equal(check(certificate, privateKey).keyAlgorithm, algorithm);
  }
  for (const keyObject of [
    rsa(1_024),
    rsa(2_047),
    ec("P-521"),
    ec("secp256k1"),
    generateKeyPairSync("ed25519").privateKey,
  ]) {
    const { certificate, privateKey } = issueCertificate({ names: [HOST], key: keyObject });
    refusedFor("private_key_pem", /RSA of 2048 to 4096 bits, or EC on P-256 or P-384/, certificate, privateKey);
  }
});

test("a private key in an older form is taken; one of another certificate, an encrypted one, and what is none are refused", () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { certificate, privateKey } = issueCertificate({ names: [HOST], key: pair.privateKey });
  const older = pair.privateKey.export({ type: "sec1", format: "pem" }).toString();
  assert.equal(check(certificate, older).privateKeyPem, privateKey);
  refusedFor("private_key_pem", /is not that of the certificate/, certificate, key);
  const cipher = { cipher: "aes-256-cbc", passphrase: "p" } as const;
  const encrypted = pair.privateKey.export({ type: "pkcs8", format: "pem", ...cipher }).toString();
  refusedFor("private_key_pem", /is encrypted/, certificate, encrypted);
  for (const nothing of ["", "secret-canary", pair.publicKey.export({ type: "spki", format: "pem" }).toString()]) {
    refusedFor("private_key_pem", /must be a private key in PEM form/, certificate, nothing);
  }
  refusedFor("private_key_pem", /at most 16384 bytes/, certificate, "x".repeat(LIMITS.domain.privateKeyBytesMax + 1));
});

test("everything that is wrong is told at once", () => {
  const ended = issueCertificate({ names: ["other.example"], notAfter: days(-0.5) });
  assert.throws(
    () => check(ended.certificate, "x"),
    (error) => {
      assert.deepEqual((error as PlatformError).violations.map(({ field }) => field).toSorted(), [
        "chain_pem",
        "chain_pem",
        "private_key_pem",
      ]);
      return true;
    },
  );
});

test("a certificate is expiring fourteen days before its end, and expired from its end on", () => {
  const until = (notAfter: Date) => stateOfCertificate({ ...check(leaf.certificate), uploadedAt: now, notAfter }, now);
  assert.equal(until(new Date(days(14).getTime() + 1)), "valid");
  assert.equal(until(days(14)), "expiring");
  assert.equal(until(new Date(now.getTime() + 1)), "expiring");
  assert.equal(until(now), "expired");
});
