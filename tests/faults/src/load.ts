/** A bounded, steady load, with everything that came back. */
import { setTimeout as pause } from "node:timers/promises";
import { type Call, type Problem, problemOf, send } from "@millrace/e2e-tests";

export type Outcome = {
  readonly method: string;
  /** Milliseconds since 1970, as the function's own clock counts. */
  readonly sentAt: number;
  readonly tookMs: number;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly reason: string;
  readonly text: string;
};

export type Load = {
  /** What has come back so far. */
  readonly outcomes: readonly Outcome[];
  /** Sends no more, waits for what is under way, and answers everything. */
  stop(): Promise<readonly Outcome[]>;
};

/** After a call that nobody took, so that refused connections do not use up the machine. */
const UNANSWERED_PAUSE_MS = 20;

/** Keeps one call per given maker under way at all times. */
export function startLoad(makers: readonly (() => Call | Promise<Call>)[]): Load {
  const outcomes: Outcome[] = [];
  let stopping = false;
  const workers = makers.map(async (make) => {
    while (!stopping) {
      const outcome = await outcomeOf(await make());
      outcomes.push(outcome);
      if (outcome.status === 0) await pause(UNANSWERED_PAUSE_MS);
    }
  });
  return {
    outcomes,
    stop: async () => {
      stopping = true;
      await Promise.all(workers);
      return outcomes;
    },
  };
}

async function outcomeOf(call: Call): Promise<Outcome> {
  const sentAt = Date.now();
  const startedAt = performance.now();
  const method = call.method ?? "GET";
  try {
    const answer = await send(call);
    const reason = answer.status === 200 ? "" : reasonOf(problemOf(answer));
    return { method, sentAt, tookMs: answer.tookMs, status: answer.status, reason, text: answer.text };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { method, sentAt, tookMs: performance.now() - startedAt, status: 0, reason: code ?? message, text: message };
  }
}

const reasonOf = ({ reason }: Problem): string => reason;

/** `200: 1234, 502 runner_lost: 3` */
export function summary(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { method, status, reason } of outcomes) {
    const kind = `${method} ${status} ${reason}`.trim();
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${kind}: ${count}`).join(", ");
}
