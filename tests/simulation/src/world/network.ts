import type { Timeline } from "./timeline.ts";

export interface NetworkFaults {
  /** Most messages take up to so long. */
  delayMs: number;
  /** Of all messages, those that are lost without a word. */
  lost: number;
  /** Of all messages, those that come twice. */
  repeated: number;
  /** Of all messages, those that take up to `slowMs`. */
  slow: number;
  slowMs: number;
  /** Whether messages between the same two processes keep their order, as NATS promises. */
  inOrder: boolean;
}

/** The bus: delays, and loses, repeats and reorders as it is told to. */
export class Network {
  readonly #timeline: Timeline;
  readonly #random: () => number;
  readonly #faults: NetworkFaults;
  readonly #arrivals = new Map<string, number>();

  constructor(timeline: Timeline, random: () => number, faults: NetworkFaults) {
    this.#timeline = timeline;
    this.#random = random;
    this.#faults = faults;
  }

  /** The longest that a message takes. */
  get delayMsMax(): number {
    return Math.max(this.#faults.delayMs, this.#faults.slowMs);
  }

  /** `route` names the sender's connection and the receiver. */
  send(route: string, deliver: () => void): void {
    const { lost, repeated } = this.#faults;
    if (this.#random() < lost) return;
    this.#deliver(route, deliver);
    if (this.#random() < repeated) this.#deliver(route, deliver);
  }

  #deliver(route: string, deliver: () => void): void {
    const { delayMs, slow, slowMs, inOrder } = this.#faults;
    let atMs = this.#timeline.nowMs + this.#random() * (this.#random() < slow ? slowMs : delayMs);
    if (inOrder) {
      atMs = Math.max(atMs, this.#arrivals.get(route) ?? 0);
      this.#arrivals.set(route, atMs);
    }
    this.#timeline.after(atMs - this.#timeline.nowMs, deliver);
  }
}
