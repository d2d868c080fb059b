import { invalidFields } from "@millrace/errors";

// Paging (AIP-158): a page token is where the last page ended, bound to what was listed.

const PAGE_SIZE_DEFAULT = 50;
const PAGE_SIZE_MAX = 500;

/** 0 means the default. Throws `invalid_argument` outside 0 to `max`. */
export function pageSizeOf(asked: number, limits: { default?: number; max?: number } = {}): number {
  const max = limits.max ?? PAGE_SIZE_MAX;
  if (asked < 0 || asked > max) throw invalidFields([{ field: "page_size", description: `must be from 0 to ${max}` }]);
  return asked === 0 ? (limits.default ?? PAGE_SIZE_DEFAULT) : asked;
}

/** `scope` names what is listed, e.g. the method and the parent; `after` is the last row's sort key. */
export function pageToken(scope: string, after: readonly string[]): string {
  return Buffer.from(JSON.stringify([scope, ...after])).toString("base64url");
}

/** The sort key to go on after, or undefined for the first page. Throws `invalid_argument` for a token of another list. */
export function readPageToken(scope: string, token: string): string[] | undefined {
  if (token === "") return undefined;
  try {
    const [of, ...after] = JSON.parse(Buffer.from(token, "base64url").toString()) as unknown[];
    if (of === scope && after.length > 0 && after.every((part) => typeof part === "string")) return after as string[];
  } catch {}
  throw invalidFields([{ field: "page_token", description: "is not a token that this list has answered" }]);
}

/** Cuts rows fetched with `limit pageSize + 1` to a page and says where the next begins; `keyOf` answers a row's sort key. */
export function pageOf<Row>(
  rows: readonly Row[],
  pageSize: number,
  scope: string,
  keyOf: (row: Row) => readonly string[],
) {
  const page = rows.slice(0, pageSize);
  const last = page.at(-1);
  return { page, nextPageToken: rows.length > pageSize && last ? pageToken(scope, keyOf(last)) : "" };
}
