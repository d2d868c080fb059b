import { createHash, createHmac, type KeyObject } from "node:crypto";
import type { DerivedKeys } from "../access/derived-keys.ts";
import type { Grants } from "../access/grants.ts";
import { type Refusal, refuse } from "../answering/reasons.ts";

// Signs what http backends are sent, so that they know it comes from a gateway. The lines that are signed, and the check of them, are in
// clients/verify. The key is derived by auth, as those that callers' signatures are checked with: no gateway has a secret. What is signed
// begins with a name of its own, so that it is never a caller's signature.

const ALGORITHM = "MILLRACE1-HMAC-SHA256";
/** Whose derivation auth knows. */
const DERIVATION = "AWS4-HMAC-SHA256";
const STREAMED = "STREAMED";
const EMPTY = sha256("");
/** Sorted. What only the gateway says, and what the body is. */
const SIGNED: ReadonlySet<string> = new Set([
  "content-type",
  "host",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-jdcloud-pin",
  "x-jdcloud-userid",
  "x-millrace-depth",
  "x-millrace-request-id",
]);

export interface SignedParts {
  method: string;
  /** With the query, as it is sent. */
  target: string;
  /** Flat. */
  headers: readonly string[];
  /** Null for none, undefined while it streams. */
  body: Buffer | null | undefined;
}

export interface BackendSignerOptions {
  keys: Pick<DerivedKeys, "get" | "fetch">;
  grants: Pick<Grants, "accessKey">;
  region: string;
  nowMs: () => number;
}

/** Who signs: a key of the deployment's project, for the deployment. */
export interface SigningIdentity {
  keyId: string;
  project: string;
  hostLabel: string;
}

export class BackendSigner {
  readonly #options: BackendSignerOptions;

  constructor(options: BackendSignerOptions) {
    this.#options = options;
  }

  /** As signatures write it. */
  get timestamp(): string {
    return `${new Date(this.#options.nowMs()).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  }

  /** The key of the timestamp's day; a promise of it when it has to be asked for. */
  keyFor(
    { keyId, project, hostLabel }: SigningIdentity,
    timestamp: string,
  ): KeyObject | Refusal | Promise<KeyObject | Refusal> {
    const { keys, grants, region } = this.#options;
    const known = grants.accessKey(keyId);
    if (known === undefined || known.disabled || known.project !== project) return UNUSABLE;
    const scope = { keyId, algorithm: DERIVATION, date: timestamp.slice(0, 8), region, service: hostLabel };
    const key = keys.get(scope);
    if (key !== undefined) return key ?? UNUSABLE;
    return keys.fetch(scope).then(
      (fetched) => fetched ?? UNUSABLE,
      () => refuse("auth_unavailable", "The key that signs for the backend cannot be had now."),
    );
  }

  /** The headers that make the request a signed one. */
  sign({ keyId, hostLabel }: SigningIdentity, key: KeyObject, timestamp: string, parts: SignedParts): string[] {
    const scope = `${timestamp.slice(0, 8)}/${this.#options.region}/${hostLabel}`;
    const digest = parts.body === undefined ? STREAMED : parts.body === null ? EMPTY : sha256(parts.body);
    const pairs = signedPairs(parts.headers);
    const names = pairs.map(([name]) => name).join(";");
    const lines = [ALGORITHM, timestamp, scope, parts.method, parts.target, digest];
    for (const [name, value] of pairs) lines.push(`${name}:${value}`);
    const signature = createHmac("sha256", key).update(lines.join("\n"), "latin1").digest("hex");
    const credential = `Credential=${keyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
    return [
      "x-millrace-date",
      timestamp,
      "x-millrace-content-sha256",
      digest,
      "x-millrace-signature",
      `${ALGORITHM} ${credential}`,
    ];
  }
}

const UNUSABLE: Refusal = refuse(
  "backend_failed",
  "The access key that signs for the backend is disabled, deleted, or not the project's.",
);

function signedPairs(headers: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < headers.length; at += 2)
    if (SIGNED.has(headers[at]!)) pairs.push([headers[at]!, headers[at + 1]!.trim()]);
  return pairs.sort(([one], [other]) => (one < other ? -1 : 1));
}

function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
