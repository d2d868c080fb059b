import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { KEYS, packRecord } from "@millrace/bus";
import { DomainRecord } from "@millrace/proto/release/v1/domain";
import { sealToKey } from "@millrace/sealing";
import { selfSigned } from "@millrace/testing";
import { Certificates } from "./certificates.ts";
import { DefaultCertificate } from "./default-certificate.ts";
import { Domains } from "./domains.ts";

const gateway = generateKeyPairSync("x25519");
const publicKey = gateway.publicKey.export({ type: "spki", format: "pem" }).toString();

function putDomain(domains: Domains, host: string, fingerprint: string, sealedFor = host): void {
  const { certificate, privateKey } = selfSigned(host);
  const sealedKey = sealToKey(publicKey, Buffer.from(privateKey), `domain-key|${sealedFor}|${fingerprint}`);
  const record = { host, hostLabel: "abc", certificate: { chainPem: certificate, fingerprint, sealedKey } };
  domains.onPut(KEYS.domain(host), packRecord(DomainRecord.encode(record).finish()));
}

function watched(contextsMax?: number) {
  const domains = new Domains();
  const faults: object[] = [];
  const log = { error: (fields: object) => void faults.push(fields) };
  return { domains, faults, certificates: new Certificates(domains, gateway.privateKey, log, contextsMax) };
}

test("a context is made once and kept while the certificate stays, also when it is told again", () => {
  const { domains, certificates } = watched();
  const { certificate, privateKey } = selfSigned("a.example");
  const sealedKey = sealToKey(publicKey, Buffer.from(privateKey), "domain-key|a.example|f1");
  const record = {
    host: "a.example",
    hostLabel: "abc",
    certificate: { chainPem: certificate, fingerprint: "f1", sealedKey },
  };
  const tell = (hostLabel: string) =>
    domains.onPut(KEYS.domain("a.example"), packRecord(DomainRecord.encode({ ...record, hostLabel }).finish()));
  tell("abc");
  const first = certificates.contextOf("a.example");
  assert.ok(first);
  tell("def");
  assert.equal(certificates.contextOf("a.example"), first);
  putDomain(domains, "a.example", "f2");
  assert.notEqual(certificates.contextOf("a.example"), first);
});

test("so many contexts are kept and no more; the one that was used longest ago goes", () => {
  const { domains, certificates } = watched(2);
  for (const host of ["a.example", "b.example", "c.example"]) putDomain(domains, host, host);
  const [a, b] = [certificates.contextOf("a.example"), certificates.contextOf("b.example")];
  assert.equal(certificates.contextOf("a.example"), a);
  certificates.contextOf("c.example");
  assert.equal(certificates.count, 2);
  assert.equal(certificates.contextOf("a.example"), a);
  assert.notEqual(certificates.contextOf("b.example"), b);
});

test("a host that is gone leaves no context behind when it is asked for", () => {
  const { domains, certificates } = watched();
  putDomain(domains, "a.example", "f1");
  certificates.contextOf("a.example");
  domains.onDelete(KEYS.domain("a.example"));
  assert.equal(certificates.contextOf("a.example"), null);
  assert.equal(certificates.count, 0);
});

test("a private key that was sealed for another host is not opened, which is said once", () => {
  const { domains, certificates, faults } = watched();
  putDomain(domains, "a.example", "f1", "b.example");
  assert.equal(certificates.contextOf("a.example"), null);
  assert.equal(certificates.contextOf("a.example"), null);
  assert.equal(faults.length, 1);
});

test("a record under the key of another host is refused", () => {
  const { domains } = watched();
  const record = DomainRecord.encode(DomainRecord.fromPartial({ host: "a.example" })).finish();
  assert.throws(() => domains.onPut(KEYS.domain("b.example"), packRecord(record)));
});

test("a platform's certificate that cannot be read, or whose key is another's, is told when it is first loaded", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gateway-certificate-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = { certificate: join(folder, "a.crt"), key: join(folder, "a.key") };
  const log = { info() {}, warn() {} };
  assert.throws(() => new DefaultCertificate(files, log), { code: "ENOENT" });
  writeFileSync(files.certificate, selfSigned().certificate);
  writeFileSync(files.key, selfSigned().privateKey);
  assert.throws(() => new DefaultCertificate(files, log), { code: "ERR_OSSL_X509_KEY_VALUES_MISMATCH" });
});

test("files that are away are said to be once, until they were there again", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gateway-certificate-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = { certificate: join(folder, "a.crt"), key: join(folder, "a.key") };
  const { certificate, privateKey } = selfSigned();
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.key, privateKey);
  const told: string[] = [];
  const log = { info: (_: object, message: string) => void told.push(message), warn: () => void told.push("warned") };
  const platform = new DefaultCertificate(files, log);
  for (let outage = 1; outage <= 2; outage++) {
    renameSync(files.key, `${files.key}.away`);
    await platform.refresh();
    await platform.refresh();
    renameSync(`${files.key}.away`, files.key);
    await platform.refresh();
    assert.deepEqual(told, Array(outage).fill("warned"));
  }
});
