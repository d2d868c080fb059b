import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { LIMITS } from "../limits.ts";
import { Violations } from "../requests/violations.ts";

// A certificate as a project uploads it: whatever a gateway could not serve with it is refused here, with the reason.

export interface Certificate {
  /** sha-256 of the host's own certificate, hex. */
  fingerprint: string;
  hosts: readonly string[];
  issuer: string;
  /** `RSA 2048`, `EC P-256` */
  keyAlgorithm: string;
  notBefore: Date;
  notAfter: Date;
  uploadedAt: Date;
}

export interface CheckedCertificate extends Omit<Certificate, "uploadedAt"> {
  /** PEM; the host's own first. */
  chainPem: string;
  /** PKCS8 PEM. */
  privateKeyPem: string;
}

export type CertificateState = "valid" | "expiring" | "expired";

export function stateOfCertificate({ notAfter }: Certificate, now: Date): CertificateState {
  const leftMs = notAfter.getTime() - now.getTime();
  if (leftMs <= 0) return "expired";
  return leftMs <= LIMITS.domain.expiringMs ? "expiring" : "valid";
}

interface Upload {
  chainPem: string;
  privateKeyPem: string;
}

const CHAIN = "chain_pem";
const KEY = "private_key_pem";
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CURVES: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384" };

/** Throws `invalid_argument` that names what is wrong, and shows nothing of the private key. */
export function checkCertificate(host: string, upload: Upload, now: Date): CheckedCertificate {
  const violations = new Violations();
  const chain = readChain(violations, upload.chainPem);
  const key = readKey(violations, upload.privateKeyPem);
  const [leaf] = chain;
  if (leaf) checkLeaf(violations, leaf, host);
  chain.forEach((certificate, i) => {
    checkTimes(violations, certificate, i + 1, now);
    const issuer = chain[i + 1];
    if (issuer) checkIssuer(violations, certificate, issuer, i + 1);
  });
  if (leaf && key) violations.unless(leaf.checkPrivateKey(key), KEY, "is not that of the certificate");
  violations.throwIfAny();
  const checked = { chainPem: chain.map(String).join(""), privateKeyPem: pemOf(key!) };
  checkServable(checked);
  return {
    ...checked,
    fingerprint: createHash("sha256").update(leaf!.raw).digest("hex"),
    hosts: hostsOf(leaf!),
    issuer: leaf!.issuer.replaceAll("\n", ", ").slice(0, LIMITS.domain.issuerCharsMax),
    keyAlgorithm: algorithmOf(key!)!,
    notBefore: leaf!.validFromDate,
    notAfter: leaf!.validToDate,
  };
}

function readChain(violations: Violations, pem: string): X509Certificate[] {
  const { chainBytesMax, certificatesMax } = LIMITS.domain;
  if (Buffer.byteLength(pem) > chainBytesMax) {
    violations.add(CHAIN, `must have at most ${chainBytesMax} bytes`);
    return [];
  }
  violations.unless(!pem.includes("PRIVATE KEY"), CHAIN, `holds a private key, which belongs into ${KEY}`);
  const blocks = pem.match(BLOCK) ?? [];
  violations.unless(blocks.length > 0, CHAIN, "must hold certificates in PEM form");
  violations.unless(blocks.length <= certificatesMax, CHAIN, `must hold at most ${certificatesMax} certificates`);
  return blocks.slice(0, certificatesMax).flatMap((block, i) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      violations.add(CHAIN, `certificate ${i + 1} cannot be read`);
      return [];
    }
  });
}

function readKey(violations: Violations, pem: string): KeyObject | undefined {
  const { privateKeyBytesMax, rsaBits } = LIMITS.domain;
  if (Buffer.byteLength(pem) > privateKeyBytesMax) {
    violations.add(KEY, `must have at most ${privateKeyBytesMax} bytes`);
    return undefined;
  }
  if (pem.includes("ENCRYPTED")) {
    violations.add(KEY, "is encrypted; take its passphrase off first");
    return undefined;
  }
  try {
    const key = createPrivateKey({ key: pem, format: "pem" });
    if (algorithmOf(key) !== undefined) return key;
    const kinds = `RSA of ${rsaBits.min} to ${rsaBits.max} bits, or EC on P-256 or P-384`;
    violations.add(KEY, `must be ${kinds}: not every caller's TLS knows what it is`);
  } catch {
    violations.add(KEY, "must be a private key in PEM form");
  }
  return undefined;
}

/** Undefined for what is not taken. */
function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { rsaBits } = LIMITS.domain;
  const { modulusLength = 0, namedCurve = "" } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === "ec") return CURVES[namedCurve] && `EC ${CURVES[namedCurve]}`;
  const fits = asymmetricKeyType === "rsa" && modulusLength >= rsaBits.min && modulusLength <= rsaBits.max;
  return fits ? `RSA ${modulusLength}` : undefined;
}

function checkLeaf(violations: Violations, leaf: X509Certificate, host: string): void {
  const covers = leaf.checkHost(host, { subject: "never", partialWildcards: false }) !== undefined;
  const covered = hostsOf(leaf).slice(0, LIMITS.namesInMessageMax).join(", ") || "no host";
  violations.unless(covers, CHAIN, `the first certificate is not for ${host}, but for ${covered}`);
  const uses: readonly string[] | undefined = leaf.keyUsage;
  const serves = uses === undefined || uses.length === 0 || uses.includes(SERVER_AUTH);
  violations.unless(serves, CHAIN, "the first certificate is not for servers");
}

function checkTimes(violations: Violations, certificate: X509Certificate, number: number, now: Date): void {
  const { validFromDate, validToDate } = certificate;
  const ended = `certificate ${number} ended on ${validToDate.toISOString()}`;
  violations.unless(validToDate > now, CHAIN, ended);
  const begins = `certificate ${number} does not begin before ${validFromDate.toISOString()}`;
  violations.unless(validFromDate <= now, CHAIN, begins);
}

function checkIssuer(violations: Violations, issued: X509Certificate, issuer: X509Certificate, number: number): void {
  const fits = issued.checkIssued(issuer) && issued.verify(issuer.publicKey);
  const order = "the host's own comes first, then each that issued the one before";
  violations.unless(fits, CHAIN, `certificate ${number + 1} did not issue certificate ${number}: ${order}`);
}

function hostsOf({ subjectAltName }: X509Certificate): string[] {
  const names = (subjectAltName ?? "").split(", ").flatMap((name) => /^DNS:([^"]+)$/.exec(name)?.[1] ?? []);
  return names.slice(0, LIMITS.domain.hostsShownMax);
}

/** What OpenSSL refuses, such as a signature by SHA-1, gateways could not serve. */
function checkServable({ chainPem, privateKeyPem }: Upload): void {
  const violations = new Violations();
  try {
    createSecureContext({ cert: chainPem, key: privateKeyPem });
  } catch (error) {
    violations.add(CHAIN, `cannot be served: ${(error as { reason?: string }).reason ?? "OpenSSL refuses it"}`);
  }
  violations.throwIfAny();
}

const pemOf = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();
