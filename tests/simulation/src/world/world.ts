import type { Beat } from "@millrace/proto/invocation/v1/invocation";
import { Ledger } from "./ledger.ts";
import { Network, type NetworkFaults } from "./network.ts";
import { seededRandom } from "./random.ts";
import { SimulatedGateway } from "./simulated-gateway.ts";
import { SimulatedRunner } from "./simulated-runner.ts";
import { Timeline } from "./timeline.ts";

export interface WorldOptions {
  seed: number;
  gateways: number;
  runners: number;
  slots: number;
  faults: NetworkFaults;
}

export const HEALTHY: NetworkFaults = { delayMs: 0.4, lost: 0, repeated: 0, slow: 0, slowMs: 0, inOrder: true };

/** Gateways and runners around a bus, in virtual time. */
export class World {
  readonly timeline = new Timeline();
  readonly random: () => number;
  readonly ledger: Ledger;
  readonly gateways: SimulatedGateway[] = [];
  readonly runners: SimulatedRunner[] = [];
  readonly #network: Network;
  readonly #slots: number;
  #processes = 0;

  constructor({ seed, gateways, runners, slots, faults }: WorldOptions) {
    this.random = seededRandom(seed);
    this.ledger = new Ledger(faults.lost > 0 || !faults.inOrder);
    this.#network = new Network(this.timeline, this.random, faults);
    this.#slots = slots;
    // Clocks of real processes do not begin with zero either.
    this.timeline.runUntil(1_000);
    for (let at = 0; at < gateways; at++) this.startGateway(at);
    for (let at = 0; at < runners; at++) this.startRunner(at);
  }

  /** Starts the gateway at this place, again if it is dead. */
  startGateway(at: number): void {
    const { timeline, random, ledger } = this;
    const connection = `${++this.#processes}`;
    this.gateways[at] = new SimulatedGateway({
      id: `gateway-${at}`,
      timeline,
      random,
      ledger,
      delayMsMax: this.#network.delayMsMax,
      send: (runnerId, message) => {
        const to = Number(runnerId.slice("runner-".length));
        this.#network.send(`${connection} ${to}`, () => this.runners[to]!.receive(message));
      },
    });
  }

  startRunner(at: number): void {
    const { timeline, ledger } = this;
    const connection = `${++this.#processes}`;
    const id = `runner-${at}`;
    this.runners[at] = new SimulatedRunner({
      id,
      epoch: connection.padStart(9, "0"),
      slots: this.#slots,
      timeline,
      ledger,
      delayMsMax: this.#network.delayMsMax,
      send: (gatewayId, message) => {
        const to = Number(gatewayId.slice("gateway-".length));
        this.#network.send(`${connection} ${to}`, () => this.gateways[to]!.receive(id, message));
      },
      publish: (beat: Beat) => {
        for (let to = 0; to < this.gateways.length; to++) {
          this.#network.send(`${connection} ${to}`, () => this.gateways[to]!.onBeat(id, beat));
        }
      },
    });
  }
}
