import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "@millrace/errors";
import { principalName, type RpcContext } from "@millrace/rpc";
import { LIMITS } from "../limits.ts";
import { Places } from "../requests/places.ts";
import type { EventCursor } from "./event.ts";
import type { Scan } from "./event-store.ts";
import type { Gap } from "./gap.ts";

/** How far a tail has come: the events that it has looked at, and the gaps that were found. */
export interface TailCursor extends EventCursor {
  gap: number;
}

export interface TailTurn<Row> {
  rows: Row[];
  gaps: Gap[];
  cursor: TailCursor;
}

export interface TailSource<Row extends EventCursor> {
  /** Looks at what reached its stream after the cursor, in that order; at `tailEventsMax` events at most. */
  next(cursor: EventCursor): Promise<Scan<Row>>;
  /** What was found to be missing after this gap. */
  gapsBeyond(gap: number): Promise<Gap[]>;
}

/** Streams of what comes: each looks for more in turns, and ends after a while, to be resumed. */
export class Tails {
  readonly #places = new Places(LIMITS.tails);
  readonly #stopping: AbortSignal;

  /** All end when `stopping` aborts. */
  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
  }

  /** Answers rows as they come, and an empty turn now and then, with the cursor behind each. */
  async *follow<Row extends EventCursor>(
    { principal, signal }: RpcContext,
    first: TailTurn<Row>,
    source: TailSource<Row>,
  ): AsyncGenerator<TailTurn<Row>> {
    const leave = this.#places.enter(principalName(principal));
    if (!leave) throw exhausted();
    const lifetime = AbortSignal.timeout(LIMITS.tailLifetimeMs);
    const over = AbortSignal.any([signal, lifetime, this.#stopping]);
    try {
      let { cursor } = first;
      yield first;
      while (!over.aborted) {
        const { rows, last, isWhole } = await source.next(cursor);
        const gaps = await source.gapsBeyond(cursor.gap);
        const { streamMadeAtMicros, sequence, place } = last ?? cursor;
        cursor = { streamMadeAtMicros, sequence, place, gap: gaps.at(-1)?.id ?? cursor.gap };
        if (rows.length > 0 || gaps.length > 0) yield { rows, gaps, cursor };
        if (isWhole) await delay(LIMITS.tailPollMs, undefined, { signal: over }).catch(() => {});
      }
    } finally {
      leave();
    }
  }
}

function exhausted(): PlatformError {
  const message = `At most ${LIMITS.tails.ofOneMax} tails of a person are open at once.`;
  return new PlatformError("resource_exhausted", message, { reason: "tails_exhausted" });
}

/** Of what is older nothing comes: the stream keeps it for a day, and an event may say that it is an hour older. */
export function tailedSince(now: Date): Date {
  return new Date(now.getTime() - 86_400_000 - LIMITS.eventLateMsMax);
}
