import { listen, SUBJECTS } from "@millrace/bus";
import { ServedReport, ServingRequest } from "@millrace/proto/invocation/v1/invocation";
import type { BusConnection } from "../dispatching/frames-bus.ts";
import { RELEASE_LIMITS } from "../limits.ts";
import type { Deployments } from "./deployments.ts";

/** Tells control-plane that this gateway is there, and what it serves when it is asked. */
export class ServedBus {
  readonly #connection: BusConnection;
  readonly #deployments: Pick<Deployments, "served">;
  readonly #publish: (bytes: Uint8Array) => void;
  #subscription: ReturnType<BusConnection["subscribe"]> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    connection: BusConnection,
    deployments: Pick<Deployments, "served">,
    publish: (bytes: Uint8Array) => void,
  ) {
    this.#connection = connection;
    this.#deployments = deployments;
    this.#publish = publish;
  }

  start(): void {
    this.#subscription = listen(this.#connection, SUBJECTS.serving, (bytes) => this.#answer(bytes));
    this.#timer = setInterval(() => this.#say({}), RELEASE_LIMITS.presenceIntervalMs);
    this.#say({});
  }

  close(): void {
    clearInterval(this.#timer);
    this.#subscription?.unsubscribe();
  }

  #answer(bytes: Buffer): void {
    const request = readRequest(bytes);
    if (request) this.#say({ question: request.question, ...this.#deployments.served(request.hostLabel) });
  }

  #say(report: Partial<ServedReport>): void {
    this.#publish(ServedReport.encode(ServedReport.fromPartial(report)).finish());
  }
}

function readRequest(bytes: Buffer): ServingRequest | null {
  try {
    return ServingRequest.decode(bytes);
  } catch {
    return null;
  }
}
