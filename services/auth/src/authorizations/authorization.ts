import { PlatformError } from "@millrace/errors";
import { QUOTAS } from "../limits.ts";

export type KeyKind = "access" | "subscription";

export interface Deployment {
  project: string;
  group: string;
  environment: string;
}

export interface AuthorizationRow {
  projectId: string;
  groupId: string;
  environment: string;
  keyId: string;
  keyKind: KeyKind;
  note: string;
  createdAt: Date;
}

export function keyNotFound(keyId: string): PlatformError {
  return new PlatformError("not_found", `There is no key ${keyId}.`, { reason: "key_not_found" });
}

export function authorizationExists(keyId: string): PlatformError {
  return new PlatformError("already_exists", `key_id: ${keyId} is authorised for this deployment already`, {
    reason: "authorization_exists",
  });
}

export function authorizationNotFound(keyId: string): PlatformError {
  return new PlatformError("not_found", `The deployment has no authorisation of the key ${keyId}.`, {
    reason: "authorization_not_found",
  });
}

export function authorizationQuota(): PlatformError {
  const message = `A deployment may have ${QUOTAS.authorizationsPerDeployment} authorisations; delete one first.`;
  return new PlatformError("resource_exhausted", message, { reason: "authorization_quota" });
}

export function deploymentChanged(): PlatformError {
  return new PlatformError("aborted", "The group was deleted and made anew meanwhile; try again.", {
    reason: "deployment_changed",
  });
}
