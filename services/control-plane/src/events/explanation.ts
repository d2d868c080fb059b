import { REASONS, type Reason, type ReasonRow } from "@millrace/errors";
import type { RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import type { LogLine } from "../logs/log.ts";
import type { Invocation } from "./invocation.ts";

// What became of a request, in a sentence, and what to do about it: the table of reasons applied to what is known.

export interface Explanation {
  summary: string;
  advice: string;
  /** `caller`, `provider`, `operator`, or nobody. */
  mender: string;
}

const ERROR_CHARS_MAX = 200;

export function explain(
  request: RequestEvent | undefined,
  invocations: readonly Invocation[],
  lines: readonly LogLine[],
): Explanation {
  const last = invocations.at(-1);
  const reason = request?.reason || last?.reason || "";
  if (reason === "") return { summary: `${served(request, last)}.`, ...ownFault(request) };
  if (reason === "caller_gone") return callerGone(request);
  const row: ReasonRow | undefined = Object.hasOwn(REASONS, reason) ? REASONS[reason as Reason] : undefined;
  const title = row ? row.title : `It ended with ${reason}`;
  const where = request ? `${request.component}: ` : "";
  const status = request && request.status > 0 ? `${request.status} ${reason}` : reason;
  const cause = row?.component === "function" ? errorIn(lines) : "";
  return {
    summary: `${status} (${where}${title}${againstTime(request, reason)})${cause === "" ? "." : `: ${cause}`}`,
    advice: row?.advice ?? "",
    mender: row?.mender ?? "",
  };
}

function served(request: RequestEvent | undefined, invocation: Invocation | undefined): string {
  if (!request) return `The function answered ${invocation?.status ?? 0}; the gateway's word of it is not kept`;
  return `${answererOf(request)} answered: ${request.status}, after ${request.durationMs.toFixed(1)} ms`;
}

function answererOf({ function: id, backend, backendHost }: RequestEvent): string {
  if (id !== "") return `The function ${id}`;
  return backend === "http" ? `The http backend ${backendHost}` : "The gateway, for a mock backend,";
}

/** What an http backend answers of its own accord has no reason here; its log has. */
function ownFault(request: RequestEvent | undefined): Pick<Explanation, "advice" | "mender"> {
  if (request?.backend !== "http" || request.status < 500) return { advice: "", mender: "" };
  return { advice: "The status is the backend's own: look at the backend's log.", mender: "provider" };
}

function callerGone(request: RequestEvent | undefined): Explanation {
  const after = request ? ` after ${request.durationMs.toFixed(0)} ms` : "";
  return {
    summary: `The caller left${after}, before it had the whole answer.`,
    advice:
      "Compare the caller's timeout with how long the function takes; its signal says when nobody waits any more.",
    mender: "caller",
  };
}

function againstTime(request: RequestEvent | undefined, reason: string): string {
  return request && reason.endsWith("_timeout") ? `, ${request.durationMs.toFixed(0)} ms` : "";
}

/** The first line of the last error that the function has logged. */
function errorIn(lines: readonly LogLine[]): string {
  const line = lines.findLast(({ level }) => level === "error");
  return line?.message.split("\n")[0]?.slice(0, ERROR_CHARS_MAX) ?? "";
}
