import { invalidFields } from "@millrace/errors";
import { readPageToken } from "@millrace/rpc";

// Where a page goes on. Tokens come from outside: what is read from one is checked before it meets the database.

/** The text after which to go on; empty for the first page. */
export function textAfter(scope: string, token: string): string {
  const [after = ""] = readPageToken(scope, token) ?? [];
  if (after.includes("\0")) throw unreadable();
  return after;
}

/** The numbers after which to go on, or undefined for the first page. */
export function numbersAfter(scope: string, token: string, count: number): number[] | undefined {
  const after = readPageToken(scope, token);
  if (!after) return undefined;
  const numbers = after.map(Number);
  if (
    numbers.length !== count ||
    !numbers.every((number) => Number.isSafeInteger(number) && Math.abs(number) <= 2 ** 52)
  )
    throw unreadable();
  return numbers;
}

function unreadable() {
  return invalidFields([{ field: "page_token", description: "is not a token that this list has answered" }]);
}
