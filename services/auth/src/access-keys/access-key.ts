import { PlatformError } from "@millrace/errors";
import { randomLabel } from "@millrace/names";
import { QUOTAS } from "../limits.ts";

export interface AccessKeyRow {
  keyId: string;
  projectId: string;
  displayName: string;
  disabled: boolean;
  version: number;
  createdAt: Date;
}

const SECRET_CHARS = 40;

/** 40 of a-z and 0-9 hold 206 bits, and no shell, URL or INI file needs them escaped. */
export function mintAccessKeySecret(): string {
  return randomLabel(SECRET_CHARS);
}

/** What a secret is sealed with, so that it opens for its own key only. */
export function secretContext(keyId: string): string {
  return `access-key|${keyId}`;
}

export function accessKeyNotFound(projectId: string, keyId: string): PlatformError {
  return new PlatformError("not_found", `Project ${projectId} has no access key ${keyId}.`, {
    reason: "access_key_not_found",
  });
}

export function accessKeyExists(displayName: string): PlatformError {
  return new PlatformError("already_exists", `display_name: the project has an access key "${displayName}" already`, {
    reason: "access_key_exists",
  });
}

export function accessKeyQuota(): PlatformError {
  const message = `A project may have ${QUOTAS.accessKeysPerProject} access keys; delete one first.`;
  return new PlatformError("resource_exhausted", message, { reason: "access_key_quota" });
}
