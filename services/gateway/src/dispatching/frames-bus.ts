import { type connectBus, echo, listen, SUBJECTS } from "@millrace/bus";
import { Batcher, type FrameWriter } from "@millrace/frames";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import type { Wire } from "./call.ts";

export type BusConnection = Awaited<ReturnType<typeof connectBus>>;

export interface FramesReceiver {
  /** A batch of frames from a runner. */
  onFrames(runnerId: string, message: Buffer): void;
  onBeat(runnerId: string, beat: Beat): void;
}

/** The gateway's end of the request path on NATS: frames out in batches, frames and beats in. */
export class FramesBus implements Wire {
  readonly #connection: BusConnection;
  readonly #batcher: Batcher;
  readonly #gatewayId: string;
  #connected = true;
  interruptions = 0;

  constructor(connection: BusConnection, gatewayId: string) {
    this.#connection = connection;
    this.#gatewayId = gatewayId;
    this.#batcher = new Batcher(gatewayId, (runnerId, message) => {
      this.publish(SUBJECTS.runner(runnerId), message);
    });
    void this.#followStatus();
  }

  get connected(): boolean {
    return this.#connected;
  }

  to(runnerId: string): FrameWriter {
    return this.#batcher.to(runnerId);
  }

  /** Begins to hand on what comes in. */
  listen(receiver: FramesReceiver): void {
    listen(this.#connection, SUBJECTS.gateway(this.#gatewayId, "*"), (message, runnerId) => {
      receiver.onFrames(runnerId, message);
    });
    listen(this.#connection, SUBJECTS.beat("*"), (message, runnerId) => {
      const beat = readBeat(message);
      if (beat) receiver.onBeat(runnerId, beat);
    });
  }

  /** Settles once everything has come in that the server had for us when it was asked, or was lost on the way. */
  echo(): Promise<void> {
    return echo(this.#connection);
  }

  /**
   * What cannot be sent now is lost rather than kept, and answered with false: a frame that came late could run a call that was answered
   * long ago.
   */
  publish(subject: string, message: Uint8Array): boolean {
    if (!this.#connected || this.#connection.isClosed()) return false;
    this.#connection.publish(subject, message);
    return true;
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === "disconnect" || status.type === "staleConnection") {
        this.#connected = false;
        this.interruptions++;
      }
      if (status.type === "reconnect") {
        this.#connected = true;
        // Beats from before the break may have been read after it was noticed.
        this.interruptions++;
      }
    }
    this.#connected = false;
  }
}

function readBeat(data: Uint8Array): Beat | null {
  try {
    return Beat.decode(data);
  } catch {
    return null;
  }
}
