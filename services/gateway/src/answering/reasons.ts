import { REASONS, type Reason, type ReasonRow } from "@millrace/errors";

export { REASONS, type Reason, type ReasonRow };

/** The reasons that a runner may give for a failed call. Anything else from a runner answers `internal`. */
const RUNNER_REASONS: ReadonlySet<string> = new Set<Reason>([
  "function_error",
  "function_init_failed",
  "function_response_invalid",
  "function_out_of_memory",
  "function_quarantined",
  "function_timeout",
  "instance_lost",
]);

export function reasonOfRunner(reason: string): Reason {
  return RUNNER_REASONS.has(reason) ? (reason as Reason) : "internal";
}

/** Why a request is not served. `detail` is one line that the caller may read. */
export interface Refusal {
  reason: Reason;
  detail: string;
  /** Flat: name, value. */
  headers?: readonly string[];
  /** The connection cannot be used any more: what follows on it is not trusted or not wanted. */
  closes?: boolean;
}

export function refuse(reason: Reason, detail: string): Refusal {
  return { reason, detail };
}

export function isRefusal(value: object): value is Refusal {
  return "reason" in value && "detail" in value;
}
