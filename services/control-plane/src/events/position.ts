import { invalidFields } from "@millrace/errors";
import { pageToken } from "@millrace/rpc";
import { BIGINT_MAX, INTEGER_MAX, numbersAfter } from "../requests/paging.ts";
import type { EventCursor, EventPosition } from "./event.ts";
import type { Scan } from "./event-store.ts";
import type { TailCursor } from "./tails.ts";

// Where a page, or a tail, goes on.

const MAXIMA = [BIGINT_MAX, BIGINT_MAX, INTEGER_MAX];

export function positionAfter(scope: string, token: string): EventPosition | undefined {
  const numbers = numbersAfter(scope, token, MAXIMA);
  if (!numbers) return undefined;
  const [atMicros, sequence, place] = numbers as [number, number, number];
  return { atMicros, sequence, place };
}

function keyOfPosition({ atMicros, sequence, place }: EventPosition): string[] {
  return [atMicros, sequence, place].map(String);
}

export function cursorAfter(scope: string, token: string): TailCursor | undefined {
  const numbers = resumed(() => numbersAfter(scope, token, [...MAXIMA, BIGINT_MAX]));
  if (!numbers) return undefined;
  const [streamMadeAtMicros, sequence, place, gap] = numbers as [number, number, number, number];
  return { streamMadeAtMicros, sequence, place, gap };
}

function resumed<T>(read: () => T): T {
  try {
    return read();
  } catch {
    throw invalidFields([{ field: "resume_token", description: "is not a token that this tail has answered" }]);
  }
}

export function keyOfCursor({ streamMadeAtMicros, sequence, place, gap }: TailCursor): string[] {
  return [streamMadeAtMicros, sequence, place, gap].map(String);
}

/**
 * Cuts what was scanned for a page of `size` and one more; where nothing was found the next page begins where the scan ended. Answers too
 * which time the page covers: pages that follow each other leave nothing out.
 */
export function pageOfScan<Row extends EventPosition>(
  { rows, last, isWhole }: Scan<Row>,
  { size, scope, filter, position }: { size: number; scope: string; filter: Span; position: EventPosition | undefined },
): { page: Row[]; nextPageToken: string; span: Span } {
  const page = rows.slice(0, size);
  const end = rows.length > size ? page.at(-1) : isWhole ? undefined : last;
  return {
    page,
    nextPageToken: end ? pageToken(scope, keyOfPosition(end)) : "",
    span: { after: end ? instantOf(end) : filter.after, before: position ? instantOf(position) : filter.before },
  };
}

/** From one instant up to and without another. */
export interface Span {
  after: Date | undefined;
  before: Date | undefined;
}

function instantOf({ atMicros }: EventPosition): Date {
  return new Date(Math.floor(atMicros / 1_000));
}

/** Whether an event reached its stream after where a tail begins. */
export function isBeyond(event: EventCursor, cursor: EventCursor): boolean {
  const [own, other] = [event, cursor].map(({ streamMadeAtMicros, sequence, place }) => [
    streamMadeAtMicros,
    sequence,
    place,
  ]);
  const at = own!.findIndex((number, i) => number !== other![i]);
  return at !== -1 && own![at]! > other![at]!;
}
