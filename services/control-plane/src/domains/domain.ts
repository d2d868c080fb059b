import { isIP } from "node:net";
import { invalidFields, PlatformError } from "@millrace/errors";
import { canonicalHost, checkId, type Environment } from "@millrace/names";
import type { Addresses } from "../deployments/deployment.ts";
import { LIMITS } from "../limits.ts";
import type { Certificate } from "./certificate.ts";

// A custom host: claimed by a project, proved by DNS, bound to a deployment.

export interface Domain {
  uid: string;
  project: string;
  host: string;
  /** What the TXT record holds. */
  token: string;
  deployment: BoundDeployment | undefined;
  verifiedAt: Date | undefined;
  lostAt: Date | undefined;
  certificate: Certificate | undefined;
  /** Rises with every change. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface BoundDeployment {
  group: string;
  label: string;
  environment: Environment;
}

/** The record that proves a host. */
export const challengeName = (host: string): string => `_millrace-challenge.${host}`;

/** The host as it is kept: in lower case and ASCII. Throws `invalid_argument` for what cannot be a custom host. */
export function parseHost(text: string, addresses: Addresses, field: string): string {
  const host = canonicalHost(text);
  const fault = hostFault(text, host ?? "", addresses);
  if (fault) throw invalidFields([{ field, description: fault }]);
  return checkId("domain", host ?? text, field);
}

function hostFault(text: string, host: string, { baseDomain, gatewayPublicUrl }: Addresses): string | undefined {
  if (text.includes("*")) return "must be one host: wildcards are not taken";
  if (isIP(host) !== 0) return "must be a name, not an address";
  const isOwn = host === baseDomain || host.endsWith(`.${baseDomain}`) || host === new URL(gatewayPublicUrl).hostname;
  return isOwn ? "is the platform's own" : undefined;
}

/** Throws `failed_precondition` domain_record_missing. `found` is what DNS holds under the record's name. */
export function checkRecord({ host, token, verifiedAt }: Domain, found: readonly string[]): void {
  if (found.includes(token)) return;
  const name = challengeName(host);
  const { recordsShownMax, recordCharsMax } = LIMITS.domain;
  const shown = found.slice(0, recordsShownMax).map((text) => JSON.stringify(text.slice(0, recordCharsMax)));
  const state = verifiedAt ? " The host is still yours, until another project proves it." : "";
  const message = `DNS has no TXT record ${name} with the value ${token}. Found there: ${shown.join(", ") || "none"}.${state}`;
  throw new PlatformError("failed_precondition", message, {
    reason: "domain_record_missing",
    metadata: { type: "TXT", name, value: token, found: shown.join(", ") },
  });
}

export function heldByAnother(host: string): PlatformError {
  const message = `Another project has ${host}, and its TXT record is still there: remove every other value of ${challengeName(host)} first.`;
  return new PlatformError("failed_precondition", message, { reason: "domain_held" });
}
