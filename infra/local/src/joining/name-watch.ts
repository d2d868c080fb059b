/**
 * Two runners of one name would both be handed each call and run it twice; two gateways would be handed each other's answers. NATS lets both
 * in, so whoever joins says first that it takes the name, and leaves when another has it, or takes it by right. A runner is also known by its
 * beats: it looks whether its name is beating already, and leaves when an `epoch` of them that was followed by another comes back.
 */
import { randomUUID } from "node:crypto";
import { connectBus, guarded, listen, SUBJECTS } from "@millrace/bus";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import { settlesWithin } from "../processes/until.ts";
import { WORD } from "./bundle.ts";
import type { JoiningIdentity } from "./joined-users.ts";
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
  readonly identity: JoiningIdentity;
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
    const { identity, natsUrl, natsSeed: seed, natsCaFile: caFile } = this.#options;
    const { service, id } = identity;
    const log = { info: () => {}, warn: (fields: object) => this.#onWarning(fields) };
    // What is no beat says nothing of other processes.
    const onBeat = guarded((data: Uint8Array) => this.#onBeat(data), { error: () => {} });
    this.#connection = await connectBus({ url: natsUrl, caFile, seed, identity }, log).catch((cause: unknown) => {
      throw new Error(`NATS at ${natsUrl} cannot be reached, or does not let ${id} in`, { cause });
    });
    if (service === "function-runner") listen(this.#connection, SUBJECTS.beat(id), (beat) => onBeat(beat));
    listen(this.#connection, SUBJECTS.claim(service, id), (words) => this.#onClaim(words.toString()));
    this.#sayClaim();
    if (await settlesWithin(Promise.race([this.#heard.promise, this.lost]), LISTEN_MS)) {
      throw new Error(`a ${WORD[service]} ${id} is running already; each needs a bundle of its own`);
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
    const { service, id } = this.#options.identity;
    this.#connection?.publish(SUBJECTS.claim(service, id), this.#claim.words);
  }

  #takenBy(what: string): string {
    const { service, id } = this.#options.identity;
    return `another ${WORD[service]} ${id} ${what}; each needs a bundle of its own`;
  }

  #onBeat(data: Uint8Array): void {
    this.#heard.resolve();
    if (this.#epochs.accept(Beat.decode(data).epoch)) return;
    this.#lost.reject(new Error(this.#takenBy("is running")));
  }

  #onWarning(fields: object): void {
    if ("err" in fields && UNKNOWN_USER.test((fields.err as Error).message)) {
      this.#lost.reject(new Error(`NATS does not let ${this.#options.identity.id} in any more; was it deleted?`));
    }
  }
}
