import { invalidFields } from "@millrace/errors";
import { readPageToken } from "@millrace/rpc";

// Where a page goes on. Tokens come from outside: what is read from one is checked before it meets the database.

/** The text after which to go on; empty for the first page. */
export function textAfter(scope: string, token: string): string {
  const [after = ""] = readPageToken(scope, token) ?? [];
  if (after.includes("\0")) throw unreadable();
  return after;
}

/** The texts after which to go on, each of which fits its pattern; empty for the first page. */
export function placeAfter(scope: string, token: string, patterns: readonly RegExp[]): string[] {
  const after = readPageToken(scope, token) ?? [];
  const fits = after.length === 0 || after.length === patterns.length;
  if (!fits || after.some((text, i) => !patterns[i]!.test(text) || text.includes("\0"))) throw unreadable();
  return after;
}

/** The largest `integer` of the database, and the largest `bigint` that is exact as a number. */
export const INTEGER_MAX = 2_147_483_647;
export const BIGINT_MAX = Number.MAX_SAFE_INTEGER;

/** The numbers, each from 0 to its `maxima`, after which to go on; undefined for the first page. */
export function numbersAfter(scope: string, token: string, maxima: readonly number[]): number[] | undefined {
  const after = readPageToken(scope, token);
  if (!after) return undefined;
  const numbers = after.map(Number);
  const fits = numbers.every((number, i) => Number.isSafeInteger(number) && number >= 0 && number <= (maxima[i] ?? -1));
  if (numbers.length !== maxima.length || !fits) throw unreadable();
  return numbers;
}

function unreadable() {
  return invalidFields([{ field: "page_token", description: "is not a token that this list has answered" }]);
}
