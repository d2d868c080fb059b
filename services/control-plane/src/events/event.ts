import type { JsMsg } from "@nats-io/jetstream";
import { LIMITS } from "../limits.ts";

// What requests, invocations and log lines have in common: they come from a stream, and are kept by the day.

/** An event's place in its stream: the stream, the message in it, the event in that. */
export interface EventPlace {
  streamMadeAt: Date;
  sequence: number;
  place: number;
}

/** Where a page ended: events are ordered by time, then by place. */
export interface EventPosition {
  /** Microseconds since 1970. */
  atMicros: number;
  sequence: number;
  place: number;
}

/** How far a tail has come, in the order in which events reached their stream. */
export interface EventCursor {
  streamMadeAtMicros: number;
  sequence: number;
  place: number;
}

/** PostgreSQL's text cannot hold NUL, nor its JSON half a character. */
export function storable(text: string): string {
  return text.slice(0, LIMITS.logLineBytesMax).toWellFormed().replaceAll("\0", "\u2400");
}

/** JSON has no other numbers. */
export function finite(number: number): number {
  return Number.isFinite(number) ? number : 0;
}

/**
 * When an event happened: as its teller says, within bounds around when the bus took it. So no teller makes a day far off, and an event
 * that comes again is of the same instant.
 */
export function instantOf(told: Date | undefined, { time }: JsMsg): Date {
  const takenAt = new Date(time).getTime();
  const toldAt = told?.getTime() ?? takenAt;
  const { eventLateMsMax, eventEarlyMsMax } = LIMITS;
  return new Date(Math.min(Math.max(toldAt, takenAt - eventLateMsMax), takenAt + eventEarlyMsMax));
}
