import { PlatformError } from "@millrace/errors";

export interface TokenRow {
  tokenId: string;
  displayName: string;
  createdAt: Date;
  expiresAt: Date;
  lastUsedAt: Date | null;
}

export function tokenNotFound(tokenId: string): PlatformError {
  return new PlatformError("not_found", `You have no token ${tokenId}.`, { reason: "token_not_found" });
}
