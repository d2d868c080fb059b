import { BUILD_QUEUE_GROUP, type Listener, listen, SUBJECTS } from "@millrace/bus";
import { BuildRequest, BuildResponse } from "@millrace/proto/invocation/v1/invocation";
import { BUILD_LIMITS } from "../limits.ts";
import type { BusConnection } from "../placing/frames-bus.ts";
import { BuildRefused } from "./build-report.ts";
import type { BuildService } from "./build-service.ts";

export interface BuildsLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Takes build requests from the queue group, one at a time. Every request is answered: a fault of ours with an empty response. */
export class BuildsBus {
  readonly #connection: BusConnection;
  readonly #service: BuildService;
  readonly #log: BuildsLog;
  #subscription: ReturnType<BusConnection["subscribe"]> | undefined;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(connection: BusConnection, service: BuildService, log: BuildsLog) {
    this.#connection = connection;
    this.#service = service;
    this.#log = log;
  }

  listen(): void {
    const onRequest: Listener = (bytes, _, message) =>
      this.#take(bytes, (response) => void message.respond(BuildResponse.encode(response).finish()));
    this.#subscription = listen(this.#connection, SUBJECTS.build, onRequest, { queue: BUILD_QUEUE_GROUP });
  }

  /** Takes no new request, and waits for those it has. */
  async close(): Promise<void> {
    this.#subscription?.unsubscribe();
    await this.#last;
  }

  #take(data: Uint8Array, respond: (response: BuildResponse) => void): void {
    if (this.#waiting >= BUILD_LIMITS.waitingMax) {
      respond({ outcome: undefined });
      return;
    }
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      const response = await this.#answer(data);
      this.#waiting--;
      // Nobody hears it when the connection is gone, and the next request is to be served all the same.
      if (!this.#connection.isClosed()) respond(response);
    });
  }

  async #answer(data: Uint8Array): Promise<BuildResponse> {
    try {
      const built = await this.#service.build(BuildRequest.decode(data));
      this.#log.info({ digest: built.digest, sizeBytes: built.sizeBytes }, "an artifact was built");
      return { outcome: { $case: "artifact", value: built } };
    } catch (err) {
      if (err instanceof BuildRefused) return { outcome: { $case: "fault", value: err.fault } };
      this.#log.error({ err }, "a build failed");
      return { outcome: undefined };
    }
  }
}
