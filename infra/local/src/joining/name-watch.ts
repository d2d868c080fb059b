/**
 * Two runners of one name would both be handed each call and run it twice. NATS lets both in, so a joined runner looks first whether its
 * name is beating already, or another is about to take it, and leaves when it hears another later: a process is known by the `epoch` of its
 * beats, and one that was followed by another does not come back.
 */
import { randomUUID } from "node:crypto";
import { connectBus, guarded, listen, SUBJECTS } from "@millrace/bus";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import { settlesWithin } from "../processes/until.ts";
import { NameClaim } from "./name-claim.ts";

/** A runner beats every second. */
const LISTEN_MS = 1_500;
/** What the server says to whom it does not know; a server that is only slow says something else. */
const UNKNOWN_USER = /authorization violation/i;

/** Which processes have beaten under one name. */
export class Epochs {
  readonly #followed = new Set<string>();
  #newest: string | undefined;

  /** False when it is one that another has followed: then two run at a time. */
  accept(epoch: string): boolean {
    if (epoch === this.#newest) return true;
    if (this.#newest !== undefined) this.#followed.add(this.#newest);
    this.#newest = epoch;
    return !this.#followed.has(epoch);
  }
}

export type NameWatchOptions = {
  readonly runnerId: string;
  readonly natsUrl: string;
  readonly natsCaFile?: string | undefined;
  readonly natsSeed: string;
};

export class NameWatch {
  /** Rejects when the runner must not go on under its name, and says why. */
  readonly lost: Promise<never>;
  readonly #lost = Promise.withResolvers<never>();
  readonly #options: NameWatchOptions;
  readonly #heard = Promise.withResolvers<void>();
  readonly #epochs = new Epochs();
  readonly #claim = new NameClaim(`${Date.now().toString(36)}-${randomUUID()}`);
  #connection: Awaited<ReturnType<typeof connectBus>> | undefined;

  constructor(options: NameWatchOptions) {
    this.#options = options;
    this.lost = this.#lost.promise;
    this.lost.catch(() => {});
  }

  /** Connects, and makes sure that nobody runs under the name. */
  async start(): Promise<void> {
    const { runnerId, natsUrl, natsSeed: seed, natsCaFile: caFile } = this.#options;
    const identity = { service: "function-runner", id: runnerId } as const;
    const log = { info: () => {}, warn: (fields: object) => this.#onWarning(fields) };
    // What is no beat says nothing of other processes.
    const onBeat = guarded((data: Uint8Array) => this.#onBeat(data), { error: () => {} });
    this.#connection = await connectBus({ url: natsUrl, caFile, seed, identity }, log).catch((cause: unknown) => {
      throw new Error(`NATS at ${natsUrl} cannot be reached, or does not let ${runnerId} in`, { cause });
    });
    listen(this.#connection, SUBJECTS.beat(runnerId), (beat) => onBeat(beat));
    listen(this.#connection, SUBJECTS.claim(runnerId), (words) => this.#onClaim(words.toString()));
    this.#sayClaim();
    if (await settlesWithin(Promise.race([this.#heard.promise, this.lost]), LISTEN_MS)) {
      throw new Error(`a runner ${runnerId} is running already; each needs a bundle of its own`);
    }
    this.#claim.hold();
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }

  #onClaim(words: string): void {
    if (this.#claim.hear(words)) this.#sayClaim();
    else if (this.#claim.isLost) this.#lost.reject(new Error(this.#takenBy("has joined, or is about to join")));
  }

  #sayClaim(): void {
    this.#connection?.publish(SUBJECTS.claim(this.#options.runnerId), this.#claim.words);
  }

  #takenBy(what: string): string {
    return `another runner ${this.#options.runnerId} ${what}; each needs a bundle of its own`;
  }

  #onBeat(data: Uint8Array): void {
    this.#heard.resolve();
    if (this.#epochs.accept(Beat.decode(data).epoch)) return;
    this.#lost.reject(new Error(this.#takenBy("is running")));
  }

  #onWarning(fields: object): void {
    if ("err" in fields && UNKNOWN_USER.test((fields.err as Error).message)) {
      this.#lost.reject(new Error(`NATS does not let ${this.#options.runnerId} in any more; was it deleted?`));
    }
  }
}
