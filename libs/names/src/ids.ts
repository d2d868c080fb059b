import { randomBytes } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Random characters of a-z and 0-9, without modulo bias; 12 of them hold 62 bits. */
export function randomLabel(length: number): string {
  let label = "";
  while (label.length < length) {
    for (const byte of randomBytes(length * 2)) {
      if (byte < 252 && label.length < length) label += ALPHABET[byte % 36];
    }
  }
  return label;
}

export const ENVIRONMENTS = ["test", "preview", "online"] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** The first label of a deployment's host: `{label}` online, else `{label}-test` or `{label}-preview`. */
export function hostLabel(label: string, environment: Environment): string {
  return environment === "online" ? label : `${label}-${environment}`;
}
