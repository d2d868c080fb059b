import type { Rejection } from "@millrace/frames";
import { type Refusal, refuse } from "../answering/reasons.ts";
import type { Call } from "./call.ts";
import { freeSlots, type Runners } from "./runners.ts";

const NOT_FULL: ReadonlySet<Rejection> = new Set(["unknownFunction", "platform", "draining"]);

/** What is said of a call that no runner took in time. */
export function whyGivenUp(call: Call, runners: Runners, isConnected: boolean): Refusal {
  const { rejection } = call;
  if (rejection === "quarantined") {
    return refuse("function_quarantined", "The function version keeps failing and is held back for a while.");
  }
  if (call.attempts > 0 && rejection === null && !call.invocation.safe) {
    return refuse("runner_lost", "The runner that was given the request was lost, and no other took it.");
  }
  if (rejection === "atLimit") {
    return refuse("overloaded", "The function serves as many calls at a time as it may.");
  }
  const isRefused = rejection !== null && NOT_FULL.has(rejection) && !isCrowdedOut(call, runners);
  if (!isConnected || runners.count === 0 || isRefused) {
    return refuse("no_runner", "There is no runner that can take the request.");
  }
  return refuse("overloaded", "All runners are busy.");
}

/** What is said of a call that was placed and not answered by its deadline. */
export function whyTimedOut(call: Call): Refusal {
  return call.wasInterrupted
    ? refuse("runner_lost", "The connection to the runner broke, and its answer with it; the function may have run.")
    : refuse("function_timeout", "The function did not answer in time.");
}

/** Whether a runner that might serve the call has no free slot now. */
function isCrowdedOut(call: Call, runners: Runners): boolean {
  return runners.all().some((runner) => {
    return !runner.draining && freeSlots(runner, call.depth) <= 0 && !call.excludes(runner);
  });
}
