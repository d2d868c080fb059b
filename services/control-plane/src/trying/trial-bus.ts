import { busUnavailable, SUBJECTS } from "@millrace/bus";
import { PlatformError } from "@millrace/errors";
import { TrialRequest, TrialResponse, type TrialResult } from "@millrace/proto/invocation/v1/invocation";
import { errors } from "@nats-io/nats-core";
import type { BusLink } from "../bus/bus-link.ts";
import { LIMITS } from "../limits.ts";

/** Has one runner call a function once. */
export class TrialBus {
  readonly #link: BusLink;

  constructor(link: BusLink) {
    this.#link = link;
  }

  /**
   * Errors: `unavailable` no_runner, overloaded, bus_unavailable; `failed_precondition` function_quarantined; `deadline_exceeded`
   * invocation_unanswered.
   */
  async try(request: TrialRequest): Promise<TrialResult> {
    const { connection } = this.#link.use();
    const timeout = request.timeoutMs + LIMITS.trialAnswerMs;
    try {
      const answer = await connection.request(SUBJECTS.trial, TrialRequest.encode(request).finish(), { timeout });
      return resultOf(TrialResponse.decode(answer.data));
    } catch (error) {
      throw error instanceof PlatformError ? error : unanswered(error);
    }
  }
}

function resultOf({ outcome }: TrialResponse): TrialResult {
  if (outcome?.$case === "result") return outcome.value;
  if (outcome?.value === "quarantined") {
    const message = "The version is held back for a while: it keeps killing its sandbox.";
    throw new PlatformError("failed_precondition", message, { reason: "function_quarantined" });
  }
  if (outcome) {
    throw new PlatformError("unavailable", "The runner has no room for the call; try again.", {
      reason: "overloaded",
      internal: outcome.value,
    });
  }
  throw new PlatformError("internal", "Something went wrong on our side.", {
    reason: "internal",
    internal: "a runner could not try a function",
  });
}

function unanswered(error: unknown): PlatformError {
  if (error instanceof errors.RequestError && error.isNoResponders()) {
    return new PlatformError("unavailable", "There is no function-runner that could call the function.", {
      reason: "no_runner",
      cause: error,
    });
  }
  if (error instanceof errors.TimeoutError) {
    return new PlatformError("deadline_exceeded", "No runner has told in time what became of the call.", {
      reason: "invocation_unanswered",
      cause: error,
    });
  }
  return busUnavailable(error);
}
