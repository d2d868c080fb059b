import { invalidFields } from "@millrace/errors";
import { BIGINT_MAX, INTEGER_MAX, numbersAfter } from "../requests/paging.ts";
import type { EventCursor, EventPosition } from "./event.ts";

// Where a page, or a tail, goes on.

const MAXIMA = [BIGINT_MAX, BIGINT_MAX, INTEGER_MAX];

export function positionAfter(scope: string, token: string): EventPosition | undefined {
  const numbers = numbersAfter(scope, token, MAXIMA);
  if (!numbers) return undefined;
  const [atMicros, sequence, place] = numbers as [number, number, number];
  return { atMicros, sequence, place };
}

export function keyOfPosition({ atMicros, sequence, place }: EventPosition): string[] {
  return [atMicros, sequence, place].map(String);
}

export function cursorAfter(scope: string, token: string): EventCursor | undefined {
  const numbers = resumed(() => numbersAfter(scope, token, MAXIMA));
  if (!numbers) return undefined;
  const [streamMadeAtMicros, sequence, place] = numbers as [number, number, number];
  return { streamMadeAtMicros, sequence, place };
}

function resumed<T>(read: () => T): T {
  try {
    return read();
  } catch {
    throw invalidFields([{ field: "resume_token", description: "is not a token that this tail has answered" }]);
  }
}

export function keyOfCursor({ streamMadeAtMicros, sequence, place }: EventCursor): string[] {
  return [streamMadeAtMicros, sequence, place].map(String);
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
