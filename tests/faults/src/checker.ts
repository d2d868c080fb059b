/**
 * Knows every request that was sent, every answer that came and every execution that began, and says what does not fit together:
 *
 *   each request      has exactly one answer before its deadline, and a success is the request's own. The end of the connection counts as
 *                     the answer "unknown", only for a gateway that was down at some moment while the request was under way.
 *   an unsafe one     is executed at most once whatever its answer, exactly once when it succeeded, never when it was refused.
 *   a safe one        is executed at least once when it succeeded, and no more often than it may be placed.
 *
 * A pure model: who drives the load says what happens, and when.
 */
import { randomBytes } from "node:crypto";

export type Sent = {
  readonly method: "GET" | "POST";
  /** The gateway that it was sent to. */
  readonly gateway: string;
  readonly deadlineMs: number;
};

export type Answered = {
  readonly status: number;
  /** Of the problem; empty for a success. */
  readonly reason: string;
  /** The id that a success carries. */
  readonly id: string;
};

export type CheckerOptions = {
  readonly nowMs?: () => number;
  /** `502 runner_lost`: what may be answered instead of a success. */
  readonly failures: readonly string[];
  /** How often a safe request may be placed. */
  readonly attemptsMax: number;
};

export type Answer = "unknown" | Answered;

type Story = Sent & {
  readonly sentAtMs: number;
  readonly answers: { readonly answer: Answer; readonly atMs: number }[];
  readonly executions: string[];
};

const REFUSED = 503;

export class Checker {
  readonly #options: CheckerOptions;
  readonly #nowMs: () => number;
  readonly #stories = new Map<string, Story>();
  readonly #downs: { readonly gateway: string; readonly fromMs: number; untilMs: number }[] = [];
  readonly #strays: string[] = [];
  /** So that ids of two checkers differ. */
  readonly #prefix = randomBytes(3).toString("hex");
  #lastId = 0;

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Notes a request and answers its id, which the function is to record and to answer. */
  sent(sent: Sent): string {
    const id = `${this.#prefix}-${++this.#lastId}`;
    this.#stories.set(id, { ...sent, sentAtMs: this.#nowMs(), answers: [], executions: [] });
    return id;
  }

  /** Whether it is a request of this checker. */
  knows(id: string): boolean {
    return this.#stories.has(id);
  }

  answered(id: string, answer: Answer): void {
    this.#stories.get(id)!.answers.push({ answer, atMs: this.#nowMs() });
  }

  /** `where` tells executions apart, for people. */
  executed(id: string, where: string): void {
    const story = this.#stories.get(id);
    if (story) story.executions.push(where);
    else this.#strays.push(`an execution of ${id}, which nobody sent, at ${where}`);
  }

  /** Bytes of a gateway that answer nothing. */
  unasked(gateway: string, text: string): void {
    this.#strays.push(`${gateway} said unasked: ${text.slice(0, 200)}`);
  }

  /** To be called before the gateway is killed; what it answers, when it is back. */
  gatewayGoes(gateway: string): () => void {
    const down = { gateway, fromMs: this.#nowMs(), untilMs: Number.POSITIVE_INFINITY };
    this.#downs.push(down);
    return () => {
      down.untilMs = this.#nowMs();
    };
  }

  /** How many requests have an answer. */
  get answers(): number {
    let count = 0;
    for (const { answers } of this.#stories.values()) if (answers.length > 0) count++;
    return count;
  }

  /** `GET 200: 412, POST 502 runner_lost: 3, POST unknown: 1` */
  get summary(): string {
    const counts = new Map<string, number>();
    for (const { method, answers } of this.#stories.values()) {
      const kind = `${method} ${answers.map(({ answer }) => nameOf(answer)).join(" and ") || "unanswered"}`;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return [...counts].map(([kind, count]) => `${kind}: ${count}`).join(", ");
  }

  get slowestMs(): number {
    let slowest = 0;
    for (const { sentAtMs, answers } of this.#stories.values())
      for (const { atMs } of answers) slowest = Math.max(slowest, atMs - sentAtMs);
    return slowest;
  }

  /** What does not fit together, one line each; to be asked when nothing is under way. */
  get faults(): string[] {
    const faults = [...this.#strays];
    for (const [id, story] of this.#stories) {
      const { method, gateway, executions } = story;
      const told = story.answers.map(
        ({ answer, atMs }) => `${nameOf(answer)} (${Math.round(atMs - story.sentAtMs)} ms)`,
      );
      const text = `${id} ${method} by ${gateway}, answers [${told.join()}], executions [${executions.join()}]`;
      for (const fault of [...this.#answerFaults(id, story), ...this.#executionFaults(story)]) {
        faults.push(`${fault}: ${text}`);
      }
    }
    return faults;
  }

  *#answerFaults(id: string, story: Story): Generator<string> {
    if (story.answers.length !== 1) {
      yield story.answers.length === 0 ? "no answer" : "more than one answer";
      return;
    }
    const { answer, atMs } = story.answers[0]!;
    if (atMs - story.sentAtMs > story.deadlineMs) yield "an answer after the deadline";
    if (answer === "unknown") {
      if (!this.#wasDown(story.gateway, story.sentAtMs, atMs)) yield "a connection that broke without a cause";
    } else if (answer.status === 200) {
      if (answer.id !== id) yield `the answer to ${answer.id}`;
    } else if (!this.#options.failures.includes(nameOf(answer))) yield "an answer that nothing explains";
  }

  *#executionFaults({ method, answers, executions }: Story): Generator<string> {
    const answer = answers[0]?.answer;
    const status = answer === undefined || answer === "unknown" ? 0 : answer.status;
    if (status === 200 && executions.length === 0) yield "a success without an execution";
    if (method === "GET" && executions.length > this.#options.attemptsMax) yield "more executions than attempts";
    if (method === "GET") return;
    if (executions.length > 1) yield "an unsafe request executed more than once";
    if (status === REFUSED && executions.length > 0) yield "a refused request executed";
  }

  #wasDown(gateway: string, fromMs: number, untilMs: number): boolean {
    return this.#downs.some((down) => down.gateway === gateway && down.fromMs <= untilMs && fromMs <= down.untilMs);
  }
}

const nameOf = (answer: Answer): string => (answer === "unknown" ? answer : `${answer.status} ${answer.reason}`.trim());
