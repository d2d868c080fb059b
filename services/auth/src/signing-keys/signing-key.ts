import type { Algorithm } from "@millrace/signing";

/** What a derived key is good for: one day, one region and one deployment's host. */
export interface SigningScope {
  keyId: string;
  algorithm: Algorithm;
  /** yyyymmdd, UTC. */
  date: string;
  region: string;
  service: string;
}

const DAY_MS = 86_400_000;

/** Yesterday, today and tomorrow, as scopes write them. */
export function derivableDates(now: Date): string[] {
  return [-1, 0, 1].map((days) =>
    new Date(now.getTime() + days * DAY_MS).toISOString().slice(0, 10).replaceAll("-", ""),
  );
}
