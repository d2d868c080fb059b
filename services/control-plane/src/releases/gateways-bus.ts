import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type BusLog, listen, SUBJECTS } from "@millrace/bus";
import { ServedReport, ServingRequest } from "@millrace/proto/invocation/v1/invocation";
import type { Subscription } from "@nats-io/nats-core";
import type { BusLink, BusWorker, OpenBus } from "../bus/bus-link.ts";
import { LIMITS } from "../limits.ts";

export interface Served {
  gateway: string;
  /** 0: it serves nothing of the deployment, or did not answer. */
  generation: number;
  release: number;
  servedForMs: number;
}

/** Asks gateways what they serve, and remembers which there are: each tells every few seconds. */
export class Gateways implements BusWorker {
  readonly #clock: () => Date;
  readonly #log: BusLog;
  readonly #seen = new Map<string, number>();
  /** Answers that are waited for, by question and gateway. */
  readonly #open = new Map<string, Map<string, Served>>();
  #subscription: Subscription | undefined;

  constructor(deps: { clock: () => Date; log: BusLog }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  async start({ connection }: OpenBus): Promise<void> {
    this.#subscription ??= listen(connection, SUBJECTS.served("*"), (bytes, id) => this.#hear(id, bytes));
  }

  async close(): Promise<void> {
    this.#subscription?.unsubscribe();
  }

  /** What each gateway serves, by id; waits a moment for those that were heard of. Errors: `unavailable` bus_unavailable. */
  async ask(link: BusLink, hostLabel: string): Promise<Served[]> {
    const { connection } = link.use();
    const question = randomUUID();
    const answers = new Map<string, Served>();
    this.#open.set(question, answers);
    try {
      connection.publish(SUBJECTS.serving, ServingRequest.encode({ hostLabel, question }).finish());
      const deadlineMs = performance.now() + LIMITS.servingAnswerMs;
      // Those that nobody has heard of yet answer too, if they are given a moment.
      await delay(LIMITS.servingSettleMs);
      while (this.#known().some((id) => !answers.has(id)) && performance.now() < deadlineMs) await delay(POLL_MS);
    } finally {
      this.#open.delete(question);
    }
    const silent = { generation: 0, release: 0, servedForMs: 0 };
    return this.#known().map((gateway) => answers.get(gateway) ?? { gateway, ...silent });
  }

  /** Those that have been heard of lately, by id. */
  #known(): string[] {
    const oldestMs = this.#clock().getTime() - LIMITS.gatewayLifetimeMs;
    for (const [id, heardAtMs] of this.#seen) if (heardAtMs < oldestMs) this.#seen.delete(id);
    return [...this.#seen.keys()].toSorted();
  }

  /** `id` is that of the subject, which NATS lets only this gateway publish on. */
  #hear(id: string, bytes: Uint8Array): void {
    try {
      const { question, generation, release, servedForMs } = ServedReport.decode(bytes);
      if (!this.#seen.has(id) && this.#seen.size >= LIMITS.gatewaysMax && this.#known().length >= LIMITS.gatewaysMax)
        return;
      this.#seen.set(id, this.#clock().getTime());
      this.#open.get(question)?.set(id, { gateway: id, generation, release, servedForMs });
    } catch (err) {
      this.#log.warn({ err }, "what a gateway tells cannot be read");
    }
  }
}

const POLL_MS = 10;
