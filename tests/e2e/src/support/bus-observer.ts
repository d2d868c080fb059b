/** Somebody who hears everything on the bus: a NATS user that only a test's platform has. */
import { gunzipSync } from "node:zlib";
import { connectBus } from "@millrace/bus";
import type { NatsConnection } from "@nats-io/nats-core";
import { createUser } from "@nats-io/nkeys";

export type Heard = { readonly subject: string; readonly bytes: Buffer };

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);

export class BusObserver {
  readonly heard: Heard[] = [];
  readonly #user = createUser();
  readonly #take: (heard: Heard) => void;
  #connection: NatsConnection | undefined;

  /** Keeps everything that is heard, unless somebody takes it. */
  constructor(take?: (heard: Heard) => void) {
    this.#take = take ?? ((heard) => this.heard.push(heard));
  }

  /** The user to give to the platform; without permissions, every subject is open. */
  get natsUser(): { readonly nkey: string } {
    return { nkey: this.#user.getPublicKey() };
  }

  /** Without listening: somebody who hears everything also takes what was meant for processes that are gone. */
  async connect(natsUrl: string): Promise<NatsConnection> {
    const seed = new TextDecoder().decode(this.#user.getSeed());
    const identity = { service: "gateway", id: "observer" } as const;
    const silent = { info: () => {}, warn: () => {} };
    this.#connection = await connectBus({ url: natsUrl, seed, identity }, silent);
    return this.#connection;
  }

  async listen(natsUrl: string): Promise<void> {
    const connection = await this.connect(natsUrl);
    connection.subscribe(">", {
      callback: (error, message) => {
        if (error === null) this.#take({ subject: message.subject, bytes: Buffer.from(message.data) });
      },
    });
    await connection.flush();
  }

  /** Lets a stream keep so many messages only: when there are more, the oldest go. */
  async bound(stream: string, messagesMax: number): Promise<void> {
    const { config } = await this.#ask<{ config: object }>(`$JS.API.STREAM.INFO.${stream}`);
    await this.#ask(`$JS.API.STREAM.UPDATE.${stream}`, { ...config, max_msgs: messagesMax });
  }

  async #ask<Response>(subject: string, request?: object): Promise<Response> {
    const { data } = await this.#connection!.request(subject, request && JSON.stringify(request));
    const answer = JSON.parse(Buffer.from(data).toString()) as Response & { error?: { description: string } };
    if (answer.error) throw new Error(`${subject}: ${answer.error.description}`);
    return answer;
  }

  /** Every message with its headers' bytes left out, records unpacked. */
  *contents(): Generator<Heard> {
    for (const { subject, bytes } of this.heard) {
      yield { subject, bytes };
      const packed = bytes.indexOf(GZIP_MAGIC);
      if (packed >= 0) yield { subject: `${subject} (unpacked)`, bytes: unpacked(bytes.subarray(packed)) };
    }
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}

function unpacked(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes);
  } catch {
    return Buffer.alloc(0);
  }
}
