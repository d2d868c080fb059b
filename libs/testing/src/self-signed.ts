import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const NULL = 0x05;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const DAY_MS = 86_400_000;

const TRUE = Buffer.from([0x01, 0x01, 0xff]);
const COMMON_NAME = Buffer.from("0603550403", "hex");
const BASIC_CONSTRAINTS = Buffer.from("0603551d13", "hex");
const SUBJECT_ALT_NAME = Buffer.from("0603551d11", "hex");
const EXTENDED_KEY_USAGE = Buffer.from("0603551d25", "hex");
const USES = { server: "06082b06010505070301", client: "06082b06010505070302" } as const;
const ALGORITHMS: Readonly<Record<string, Buffer>> = {
  ec: der(SEQUENCE, Buffer.from("06082a8648ce3d040302", "hex")),
  rsa: der(SEQUENCE, Buffer.from("06092a864886f70d01010b", "hex"), der(NULL)),
  ed25519: der(SEQUENCE, Buffer.from("06032b6570", "hex")),
};

/** PEM, both. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateOptions {
  commonName?: string;
  /** DNS names that it is for. */
  names: readonly string[];
  /** By default a new one on P-256. */
  key?: KeyObject;
  /** By default it signs itself. */
  issuer?: { commonName: string; privateKey: string };
  /** From yesterday until tomorrow by default. */
  notBefore?: Date;
  notAfter?: Date;
  use?: keyof typeof USES;
}

/** A certificate for localhost, and for other names, that signs itself: made in memory for one test and trusted by nobody else. */
export function selfSigned(...names: string[]): IssuedCertificate {
  return issueCertificate({ names: ["localhost", ...names] });
}

/** A certificate (RFC 5280) as a test wants it. */
export function issueCertificate(options: CertificateOptions): IssuedCertificate {
  const { commonName = "localhost", names, use } = options;
  const privateKey = options.key ?? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const { issuer = { commonName, privateKey } } = options;
  const { notBefore = new Date(Date.now() - DAY_MS), notAfter = new Date(Date.now() + DAY_MS) } = options;
  const algorithm = ALGORITHMS[keyTypeOf(issuer.privateKey)]!;
  const toBeSigned = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer.commonName),
    der(SEQUENCE, utcTime(notBefore), utcTime(notAfter)),
    nameOf(commonName),
    createPublicKey(privateKey).export({ type: "spki", format: "der" }),
    der(0xa3, extensionsFor(names, use)),
  );
  const hash = algorithm === ALGORITHMS.ed25519 ? null : "sha256";
  const signature = Buffer.concat([Buffer.from([0]), sign(hash, toBeSigned, issuer.privateKey)]);
  const lines = der(SEQUENCE, toBeSigned, algorithm, der(BIT_STRING, signature))
    .toString("base64")
    .replace(/(.{64})/g, "$1\n");
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`,
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function keyTypeOf(key: KeyObject | string): string {
  return (typeof key === "string" ? createPublicKey(key) : key).asymmetricKeyType!;
}

function nameOf(commonName: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
}

function extensionsFor(names: readonly string[], use: CertificateOptions["use"]): Buffer {
  const dnsNames = names.map((dnsName) => der(0x82, Buffer.from(dnsName)));
  const addresses = names.includes("localhost") ? [der(0x87, Buffer.from([127, 0, 0, 1]))] : [];
  return der(
    SEQUENCE,
    der(SEQUENCE, BASIC_CONSTRAINTS, TRUE, der(OCTET_STRING, der(SEQUENCE, TRUE))),
    der(SEQUENCE, SUBJECT_ALT_NAME, der(OCTET_STRING, der(SEQUENCE, ...dnsNames, ...addresses))),
    ...(use
      ? [der(SEQUENCE, EXTENDED_KEY_USAGE, der(OCTET_STRING, der(SEQUENCE, Buffer.from(USES[use], "hex"))))]
      : []),
  );
}

/** Tag, length, content (X.690). */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function utcTime(at: Date): Buffer {
  const text = at.toISOString().slice(2, 19).replace(/[-:T]/g, "");
  return der(UTC_TIME, Buffer.from(`${text}Z`));
}
