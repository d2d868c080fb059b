import { type connectBus, echo, listen, SUBJECTS } from "@millrace/bus";
import { Batcher } from "@millrace/frames";

export type BusConnection = Awaited<ReturnType<typeof connectBus>>;

/** The runner's end of the request path on NATS: frames in, and frames out in batches. */
export class FramesBus {
  readonly batcher: Batcher;
  readonly #connection: BusConnection;
  readonly #runnerId: string;
  #subscription: ReturnType<BusConnection["subscribe"]> | undefined;
  #connected = true;
  /** Takes the frames that are for a peer in this process instead of a gateway. */
  ownPeer: { name: string; receive(message: Buffer): void } | null = null;
  /** Called when the connection is back, and with it whoever lost what was said meanwhile. */
  onReconnected: (() => void) | null = null;

  constructor(connection: BusConnection, runnerId: string) {
    this.#connection = connection;
    this.#runnerId = runnerId;
    // Whose frames they are, the subject says.
    this.batcher = new Batcher("", (peer, message) => {
      if (peer === this.ownPeer?.name) this.ownPeer.receive(message);
      else this.publish(SUBJECTS.gateway(peer, runnerId), message);
    });
    void this.#followStatus();
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Begins to hand on what comes in. */
  listen(onFrames: (message: Buffer) => void): void {
    this.#subscription = listen(this.#connection, SUBJECTS.runner(this.#runnerId), (message) => onFrames(message));
  }

  /** What cannot be sent now is dropped, and answered with false: whoever waited for it has given up by the time it would arrive. */
  publish(subject: string, bytes: Uint8Array): boolean {
    if (!this.#connected || this.#connection.isClosed()) return false;
    this.#connection.publish(subject, bytes);
    return true;
  }

  /** Settles once everything has come in that the server had for us when it was asked, or was lost on the way. */
  echo(): Promise<void> {
    return echo(this.#connection);
  }

  /** Takes nothing more in, and sends what is waiting. */
  async close(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.batcher.flush();
    if (this.#connected) await this.#connection.flush();
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === "disconnect" || status.type === "staleConnection") this.#connected = false;
      if (status.type === "reconnect") {
        this.#connected = true;
        this.onReconnected?.();
      }
    }
    this.#connected = false;
  }
}
