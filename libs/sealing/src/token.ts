/** Tokens are long and random, so one round of SHA-256 is all that a stored hash needs; passwords need a slow one. */
import { hash, timingSafeEqual } from "node:crypto";

/** 64 lower-case hexadecimal digits. */
export const hashToken = (token: string): string => hash("sha256", token, "hex");

/** Takes time by the lengths alone; values of different length are compared all the same, as hashes. */
export function constantTimeEqual(one: string | Uint8Array, other: string | Uint8Array): boolean {
  return timingSafeEqual(hash("sha256", one, "buffer"), hash("sha256", other, "buffer"));
}
