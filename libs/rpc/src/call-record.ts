import { AsyncLocalStorage } from "node:async_hooks";
import type { Principal } from "./access.ts";

// Who records calls sees each of them at the one place where all pass: the server. What only the use case knows, it notes.

/** What a use case may say of the call that it serves; the object of a change is else read from the request. */
export interface CallNotes {
  /** Who called, where the call itself is what proves it. */
  actor?: string;
  /** Name of the resource. */
  object?: string;
  /** The object's state, as an etag or in a word. */
  before?: string;
  after?: string;
}

/** A call as it comes in. */
export interface IncomingCall {
  /** Full method path. */
  method: string;
  encode(request: unknown): Uint8Array;
  peer: string;
  userAgent: string;
}

/** One call, as it is recorded. */
export interface CallRecord {
  /** The request, or the first message of a stream. */
  request: unknown;
  principal: Principal;
  readonly notes: CallNotes;
  /** Runs the handler. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** The call ends with an error, from the handler or from before it. */
  refused(error: unknown): void;
}

export interface CallRecorder {
  begin(call: IncomingCall): CallRecord;
}

const current = new AsyncLocalStorage<CallNotes>();

/** Runs `work` so that what it notes stands in `notes`. */
export function withNotes<T>(notes: CallNotes, work: () => Promise<T>): Promise<T> {
  return current.run(notes, work);
}

/** Says something of the call that is being served; outside of one it says nothing. */
export function noteCall(facts: CallNotes): void {
  const notes = current.getStore();
  if (notes) Object.assign(notes, facts);
}

/** Records nothing. */
export const NO_RECORDER: CallRecorder = {
  begin: () => ({
    request: undefined,
    principal: { kind: "anonymous" },
    notes: {},
    run: (work) => work(),
    refused: () => {},
  }),
};
