import type { Call } from "@millrace/gateway/dispatching/call";

export interface Request {
  readonly id: string;
  readonly project: string;
  readonly safe: boolean;
  readonly askedAtMs: number;
  readonly runMs: number;
  /** Set when the gateway takes it. */
  call: Call | null;
  /** `200`, a reason, `cancelled` by the caller, or `reset` with its gateway. */
  outcome: string;
  answeredAtMs: number;
  /** When functions began to run it. */
  readonly begunAtMs: number[];
  runner: string;
}

/** Every request, what became of it, and every rule that was broken. */
export class Ledger {
  readonly requests = new Map<string, Request>();
  readonly violations: string[] = [];
  /** Whether an unsafe call may run twice as long as its gateway has not heard that it was accepted: some of what runners say is lost. */
  readonly #mayMissAcceptance: boolean;

  constructor(mayMissAcceptance: boolean) {
    this.#mayMissAcceptance = mayMissAcceptance;
  }

  open(fields: Pick<Request, "id" | "project" | "safe" | "askedAtMs" | "runMs">): Request {
    const request: Request = { ...fields, call: null, outcome: "", answeredAtMs: 0, begunAtMs: [], runner: "" };
    this.requests.set(request.id, request);
    return request;
  }

  answer(request: Request, outcome: string, nowMs: number): void {
    if (request.outcome !== "") this.break(`${request.id} was answered ${request.outcome}, and then ${outcome}`);
    request.outcome = outcome;
    request.answeredAtMs = nowMs;
  }

  /** A function begins to run the request. */
  begin(id: string, runner: string, nowMs: number): Request {
    const request = this.requests.get(id)!;
    request.begunAtMs.push(nowMs);
    const wasKnown = request.runner !== "" && request.call?.phase !== "placed" && request.call?.runner?.id !== runner;
    if (!request.safe && request.begunAtMs.length > 1 && (!this.#mayMissAcceptance || wasKnown)) {
      this.break(`${id} may run once, and ran at ${request.begunAtMs.join(" and ")} ms, last on ${runner}`);
    }
    request.runner = runner;
    return request;
  }

  break(rule: string): void {
    this.violations.push(rule);
  }

  count(matches: (request: Request) => boolean): number {
    let count = 0;
    for (const request of this.requests.values()) if (matches(request)) count++;
    return count;
  }
}
