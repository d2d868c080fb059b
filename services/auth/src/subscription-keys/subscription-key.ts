import { randomBytes } from "node:crypto";
import { PlatformError } from "@millrace/errors";
import { QUOTAS } from "../limits.ts";

export interface SubscriptionKeyRow {
  keyId: string;
  projectId: string;
  /** Hex SHA-256 of the bearer key. */
  keyHash: string;
  displayName: string;
  disabled: boolean;
  version: number;
  createdAt: Date;
}

const VALUE_BYTES = 16;

/** The bearer key: 32 lower-case hexadecimal digits, 128 bits. */
export function mintSubscriptionKeyValue(): string {
  return randomBytes(VALUE_BYTES).toString("hex");
}

export function subscriptionKeyNotFound(projectId: string, keyId: string): PlatformError {
  return new PlatformError("not_found", `Project ${projectId} has no subscription key ${keyId}.`, {
    reason: "subscription_key_not_found",
  });
}

export function subscriptionKeyExists(displayName: string): PlatformError {
  return new PlatformError(
    "already_exists",
    `display_name: the project has a subscription key "${displayName}" already`,
    {
      reason: "subscription_key_exists",
    },
  );
}

export function subscriptionKeyQuota(): PlatformError {
  const message = `A project may have ${QUOTAS.subscriptionKeysPerProject} subscription keys; delete one first.`;
  return new PlatformError("resource_exhausted", message, { reason: "subscription_key_quota" });
}
