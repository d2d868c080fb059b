import { FLAG, FRAME, type Frame, type Rejection, readCredit, readFailed, readRejected } from "@millrace/frames";
import { type Reason, reasonOfRunner } from "../answering/reasons.ts";
import type { Call } from "./call.ts";

/** What frames from a runner come to. */
export interface AnswerEvents {
  /** The answer is whole. */
  finish(call: Call): void;
  fail(call: Call, reason: Reason, detail: string): void;
  /** The same, and the runner is told that it need not go on. */
  abort(call: Call, reason: Reason, detail: string): void;
  rejected(call: Call, rejection: Rejection): void;
  /** Nothing will come of this attempt. */
  lost(call: Call, mayRunAgain: boolean): void;
  /** A part of the answer is missing. */
  torn(call: Call): void;
}

/** Takes a frame of the runner that has the call. */
export function takeAnswer(call: Call, frame: Frame, nowMs: number, events: AnswerEvents): void {
  switch (frame.type) {
    case FRAME.accepted:
      call.onAccepted(nowMs);
      break;
    case FRAME.rejected:
      events.rejected(call, readRejected(frame));
      break;
    case FRAME.credit:
      call.onCredit(readCredit(frame));
      break;
    case FRAME.head:
      takeHead(call, frame, nowMs, events);
      break;
    case FRAME.chunk:
      takeChunk(call, frame, events);
      break;
    case FRAME.failed:
      takeFailure(call, frame, events);
      break;
    case FRAME.gone:
      // An answer that has begun was not lost whole: what there is of it is out.
      events.lost(call, call.invocation.safe && call.phase !== "answering");
      break;
  }
}

function takeHead(call: Call, frame: Frame, nowMs: number, events: AnswerEvents): void {
  const head = call.onHead(frame, nowMs);
  if (head === null) {
    events.abort(call, "function_response_invalid", "The function's response could not be read.");
    return;
  }
  const end = (frame.flags & FLAG.end) !== 0;
  if (end) events.finish(call);
  call.sink.head(head, end);
}

function takeChunk(call: Call, frame: Frame, events: AnswerEvents): void {
  if (call.phase !== "answering" || !call.receive(frame.payload.length)) {
    if (call.wasInterrupted) events.torn(call);
    else events.abort(call, "function_response_invalid", "The function's response came out of order.");
    return;
  }
  const end = (frame.flags & FLAG.end) !== 0;
  if (end) events.finish(call);
  call.sink.chunk(frame.payload, end);
}

function takeFailure(call: Call, frame: Frame, events: AnswerEvents): void {
  const failure = readFailed(frame);
  events.fail(call, reasonOfRunner(failure?.reason ?? ""), failure?.message || "The function failed.");
}
