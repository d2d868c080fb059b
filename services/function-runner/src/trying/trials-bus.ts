import { type Listener, listen, SUBJECTS, TRIAL_QUEUE_GROUP } from "@millrace/bus";
import { TrialRequest, TrialResponse } from "@millrace/proto/invocation/v1/invocation";
import type { BusConnection } from "../placing/frames-bus.ts";
import type { Trials } from "./trials.ts";

/** Takes calls that try functions from the queue group. Every request is answered. */
export class TrialsBus {
  readonly #connection: BusConnection;
  readonly #trials: Pick<Trials, "try">;
  readonly #log: { error(fields: object, message: string): void };
  readonly #running = new Set<Promise<void>>();
  #subscription: ReturnType<BusConnection["subscribe"]> | undefined;

  constructor(
    connection: BusConnection,
    trials: Pick<Trials, "try">,
    log: { error(fields: object, message: string): void },
  ) {
    this.#connection = connection;
    this.#trials = trials;
    this.#log = log;
  }

  listen(): void {
    const onRequest: Listener = (bytes, _, message) => {
      // Decoded at once: the bytes share memory with what comes next.
      const running = this.#answer(bytes).then((response) => {
        this.#running.delete(running);
        if (!this.#connection.isClosed()) this.#respond(message, response);
      });
      this.#running.add(running);
    };
    this.#subscription = listen(this.#connection, SUBJECTS.trial, onRequest, { queue: TRIAL_QUEUE_GROUP });
  }

  /** Takes nothing new, and waits for what runs: each trial has a deadline. */
  async close(): Promise<void> {
    this.#subscription?.unsubscribe();
    await Promise.all(this.#running);
  }

  /** What the bus does not take, such as more than a message may have, is nothing that a runner ends for. */
  #respond(message: Pick<Parameters<Listener>[2], "respond">, response: TrialResponse): void {
    try {
      message.respond(TrialResponse.encode(response).finish());
    } catch (err) {
      this.#log.error({ err }, "what became of a function that was tried cannot be told");
      if (response.outcome) this.#respond(message, { outcome: undefined });
    }
  }

  async #answer(bytes: Buffer): Promise<TrialResponse> {
    try {
      return await this.#trials.try(TrialRequest.decode(bytes));
    } catch (err) {
      this.#log.error({ err }, "a function could not be tried");
      return { outcome: undefined };
    }
  }
}
