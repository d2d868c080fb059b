import { BodyFeed } from "@millrace/gateway/dispatching/body-feed";
import type { Call, Wire } from "@millrace/gateway/dispatching/call";
import { Dispatch } from "@millrace/gateway/dispatching/dispatch";
import type { Beat } from "@millrace/proto/invocation/v1/invocation";
import type { Ledger, Request } from "./ledger.ts";
import { Outbox } from "./outbox.ts";
import { SimulatedProcess } from "./process.ts";
import type { Timeline } from "./timeline.ts";

export interface GatewayOptions {
  id: string;
  timeline: Timeline;
  random: () => number;
  ledger: Ledger;
  /** The longest that a message takes. */
  delayMsMax: number;
  /** Hands a batch of frames to the bus. */
  send(runnerId: string, message: Buffer): void;
}

export interface Ask {
  request: Request;
  functionKey: string;
  timeoutMs: number;
  depth: number;
}

const EMPTY = Buffer.alloc(0);

/** One process of a gateway: the real dispatch, with a bus and a clock of the simulation. */
export class SimulatedGateway implements Wire {
  readonly id: string;
  readonly process: SimulatedProcess;
  readonly dispatch: Dispatch;
  readonly #timeline: Timeline;
  readonly #ledger: Ledger;
  readonly #outbox: Outbox;
  readonly #open = new Set<Request>();
  interruptions = 0;
  isConnected = true;

  constructor({ id, timeline, random, ledger, delayMsMax, send }: GatewayOptions) {
    this.id = id;
    this.process = new SimulatedProcess(timeline);
    this.#timeline = timeline;
    this.#ledger = ledger;
    this.#outbox = new Outbox(id, (runnerId, message) => {
      if (this.isConnected) send(runnerId, message);
    });
    const wakeAt = this.process.timer(() => this.#do(() => this.dispatch.wake(timeline.nowMs)));
    const askForEcho = () =>
      void this.process.after(2 * delayMsMax, () => this.#do(() => this.dispatch.caughtUp(timeline.nowMs)));
    const log = { warn() {} };
    this.dispatch = new Dispatch(
      { wire: this, isConnected: () => this.isConnected, random, wakeAt, askForEcho, log },
      timeline.nowMs,
    );
    this.dispatch.wake(timeline.nowMs);
  }

  to(runnerId: string) {
    return this.#outbox.to(runnerId);
  }

  ask({ request, functionKey, timeoutMs, depth }: Ask): void {
    if (this.process.isDead) {
      this.#ledger.answer(request, "reset", this.#timeline.nowMs);
      return;
    }
    this.#open.add(request);
    this.process.receive(() => this.#do(() => this.#invoke(request, functionKey, timeoutMs, depth)));
  }

  /** The caller goes away. */
  leave(request: Request): void {
    this.process.receive(() =>
      this.#do(() => {
        if (!this.#open.has(request) || request.call === null) return;
        this.dispatch.cancel(request.call, this.#timeline.nowMs);
        this.#end(request, "cancelled");
      }),
    );
  }

  receive(runnerId: string, message: Buffer): void {
    if (!this.isConnected) return;
    this.process.receive(() => this.#do(() => this.dispatch.receive(runnerId, message, this.#timeline.nowMs)));
  }

  onBeat(runnerId: string, beat: Beat): void {
    if (!this.isConnected) return;
    this.process.receive(() => this.#do(() => this.dispatch.onBeat(runnerId, beat, this.#timeline.nowMs)));
  }

  /** Its connection to the bus breaks; what comes and goes meanwhile is lost. */
  disconnect(forMs: number): void {
    this.isConnected = false;
    this.interruptions++;
    this.#timeline.after(forMs, () => {
      this.isConnected = true;
      this.interruptions++;
    });
  }

  die(): void {
    this.process.die();
    for (const request of this.#open) this.#ledger.answer(request, "reset", this.#timeline.nowMs);
    this.#open.clear();
  }

  #invoke(request: Request, functionKey: string, timeoutMs: number, depth: number): void {
    const content = {
      depth,
      requestId: request.id,
      traceparent: "",
      functionKey,
      route: "{}",
      method: request.safe ? "GET" : "POST",
      target: "/",
      pathParameters: [],
      sourceIp: "192.0.2.1",
      protocol: "HTTP/1.1",
      scheme: "http",
      identity: { keyId: "", accountId: "", authType: "" },
      headers: [],
    };
    const { project, safe } = request;
    const invocation = { content, body: BodyFeed.of(EMPTY), project, timeoutMs, safe };
    const call: Call = this.dispatch.invoke(
      invocation,
      {
        head: (head, end) => this.#end(request, end ? String(head.status) : "incomplete"),
        chunk: () => this.#ledger.break(`${request.id} got a chunk that nobody sent`),
        failed: (reason) => this.#end(request, reason),
      },
      this.#timeline.nowMs,
    );
    request.call = call;
  }

  #end(request: Request, outcome: string): void {
    this.#open.delete(request);
    this.#ledger.answer(request, outcome, this.#timeline.nowMs);
  }

  #do(step: () => void): void {
    step();
    this.#outbox.flush();
  }
}
