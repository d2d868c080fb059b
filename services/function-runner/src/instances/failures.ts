import type { Failure } from "@millrace/frames";
import type { InstanceEnd } from "../sandbox/sandbox.ts";

// How an accepted invocation can end without a response, and what the caller may read of it. Details are in the function's log.
const MESSAGES = {
  function_error: "The function failed.",
  function_response_invalid: "The function's result is no valid response.",
  function_init_failed: "The function could not be started.",
  function_out_of_memory: "The function needed more memory than it has.",
  function_timeout: "The function did not answer in time.",
  instance_lost: "The function's instance ended before it answered.",
  internal: "The runner could not start the function.",
} as const;

export type FailureReason = keyof typeof MESSAGES;

export function failureOf(reason: FailureReason): Failure {
  return { reason, message: MESSAGES[reason] };
}

/** What the calls of an instance are told when it ended under them. */
export function reasonOfEnd({ cause }: InstanceEnd): FailureReason {
  if (cause === "outOfMemory") return "function_out_of_memory";
  return cause === "exited" || cause === "crashed" ? "function_error" : "instance_lost";
}

/** What a function itself may say of its failure. */
export function isOwnFailure(reason: string): reason is "function_error" | "function_response_invalid" {
  return reason === "function_error" || reason === "function_response_invalid";
}
