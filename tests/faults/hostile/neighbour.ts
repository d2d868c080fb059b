/** A well-behaved project on the same runner, called again and again while others do what they can. */
import { setTimeout as pause } from "node:timers/promises";
import { provision, send, type TestPlatform } from "@millrace/e2e-tests";
import { until } from "@millrace/testing";

const PAUSE_MS = 20;
const ANSWER_TIMEOUT_MS = 5_000;
const BACK_TIMEOUT_MS = 5_000;
const WELL = "well";

export type NeighbourSecrets = {
  /** In its variables, its memory, its folder and its calls to a channel that somebody may listen to. */
  readonly variable: string;
  readonly inCode: string;
};

/** It says so when somebody talks to it past its callers. */
const codeOf = ({ inCode }: NeighbourSecrets): string => `
  import { writeFileSync } from "node:fs";
  const inCode = ${JSON.stringify(inCode)};
  const channel = new BroadcastChannel("x");
  let heard = 0;
  channel.onmessage = () => heard++;
  channel.unref();
  writeFileSync(process.env.TMPDIR + "/notes", process.env.API_PASSWORD + inCode);
  export default {
    async fetch() {
      channel.postMessage(process.env.API_PASSWORD);
      return navigator.locks.request(process.env.API_PASSWORD, () => new Response(heard === 0 ? "${WELL}" : "heard others"));
    },
  };`;

export class Neighbour {
  /** Answers that were not as they should be, one line each. */
  readonly faults: string[] = [];
  answers = 0;
  readonly #url: string;
  #stopped = false;
  #calling: Promise<void> | undefined;

  private constructor(url: string) {
    this.#url = url;
  }

  static async moveIn(platform: TestPlatform, secrets: NeighbourSecrets): Promise<Neighbour> {
    const config = { secrets: { API_PASSWORD: secrets.variable } };
    const home = await provision(platform.rpc, {
      functions: { live: { code: codeOf(secrets), config } },
      apis: { live: { method: "GET", path: "/live", backend: "live" } },
    });
    const neighbour = new Neighbour(`${home.deployment().pathUrl}/live`);
    const asked = async () => (await send({ url: neighbour.#url })).status === 200;
    await until(asked, { timeoutMs: BACK_TIMEOUT_MS * 2, message: "the neighbour to answer" });
    neighbour.#calling = neighbour.#call();
    return neighbour;
  }

  /** Waits until one that was sent after now is answered as it should be. */
  async answersStill(): Promise<void> {
    const before = this.answers;
    await until(() => this.answers > before + 1, {
      timeoutMs: BACK_TIMEOUT_MS,
      message: () => `the neighbour to answer again; ${this.faults.join()}`,
    });
  }

  async moveOut(): Promise<void> {
    this.#stopped = true;
    await this.#calling;
  }

  async #call(): Promise<void> {
    while (!this.#stopped) {
      try {
        const { status, text } = await send({ url: this.#url, timeoutMs: ANSWER_TIMEOUT_MS });
        if (status === 200 && text === WELL) this.answers++;
        else this.faults.push(`${status} ${text}`);
      } catch (error) {
        this.faults.push(String(error));
      }
      await pause(PAUSE_MS);
    }
  }
}
