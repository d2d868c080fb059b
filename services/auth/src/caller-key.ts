import { randomLabel } from "@millrace/names";

// Key ids are what signatures name and what callers hand to providers: 20 of A-Z and 0-9. The first two letters tell the kinds apart, so
// that an id is never both.

const PREFIXES = { accessKey: "MR", subscriptionKey: "SK" } as const;
const RANDOM_CHARS = 18;

export function mintKeyId(kind: keyof typeof PREFIXES): string {
  return PREFIXES[kind] + randomLabel(RANDOM_CHARS).toUpperCase();
}

/** What a client changes of a key; absent members stay. */
export interface KeyChange {
  displayName: string | undefined;
  disabled: boolean | undefined;
  etag: string;
}
