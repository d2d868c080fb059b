import {
  FLAG,
  FRAME,
  type Frame,
  readBatchHeader,
  readFrames,
  readInvokePlacement,
  writeAccepted,
  writeGone,
  writeHead,
  writeRejected,
} from "@millrace/frames";
import { PLACING_LIMITS } from "@millrace/function-runner/limits";
import { Admission, type Held } from "@millrace/function-runner/placing/admission";
import { Beats } from "@millrace/function-runner/placing/beats";
import type { Beat } from "@millrace/proto/invocation/v1/invocation";
import type { Ledger } from "./ledger.ts";
import { Outbox } from "./outbox.ts";
import { SimulatedProcess } from "./process.ts";
import type { Timeline } from "./timeline.ts";

export interface RunnerOptions {
  id: string;
  epoch: string;
  slots: number;
  timeline: Timeline;
  ledger: Ledger;
  /** The longest that a message takes. */
  delayMsMax: number;
  send(gatewayId: string, message: Buffer): void;
  publish(beat: Beat): void;
}

const OK = { status: 200, headers: [], body: Buffer.alloc(0) };
/** What a version's first call on a runner takes more. */
const COLD_MS = 50;

/** `{project}-{name}@{version}`: a simulated runner reads whose function it is from the key. */
export const projectOf = (functionKey: string): string => functionKey.slice(0, functionKey.indexOf("-"));

/** One process of a runner: the real admission and the real beats, and functions that take the time their request says. */
export class SimulatedRunner {
  readonly id: string;
  readonly process: SimulatedProcess;
  readonly admission: Admission;
  readonly #options: RunnerOptions;
  readonly #timeline: Timeline;
  readonly #beats: Beats;
  readonly #outbox: Outbox;
  readonly #warm = new Set<string>();
  /** By gateway and its number. */
  readonly #running = new Set<string>();
  #stopping = false;
  onStopped: (() => void) | null = null;
  busyMax = 0;
  callsBegun = 0;
  callsRejected = 0;

  constructor(options: RunnerOptions) {
    const { id, epoch, slots, timeline, delayMsMax } = options;
    this.id = id;
    this.#options = options;
    this.#timeline = timeline;
    this.process = new SimulatedProcess(timeline);
    this.#outbox = new Outbox("", options.send);
    const echoMs = Math.max(2 * delayMsMax, PLACING_LIMITS.settleMs);
    this.admission = new Admission(slots, {
      askForEcho: () => void this.process.after(echoMs, () => this.admission.caughtUp()),
      changed: () => this.#beats?.changed(timeline.nowMs),
    });
    this.#beats = new Beats(
      { runnerId: id, epoch, isolationTier: "full" },
      {
        facts: () => ({ slots, slotsBusy: this.admission.slotsBusy, draining: !this.admission.isOpen }),
        publish: (beat) => {
          this.admission.tick(timeline.nowMs);
          options.publish(beat);
        },
        wakeAt: this.process.timer(() => this.#beats.wake(timeline.nowMs)),
      },
    );
    this.admission.start();
    this.#beats.flush(timeline.nowMs);
  }

  receive(message: Buffer): void {
    this.process.receive(() => {
      const header = readBatchHeader(message)!;
      readFrames(message, header.framesAt, (frame) => {
        if (frame.type === FRAME.invoke) this.#onInvoke(header.sender, frame);
        const isOpen = this.#running.has(`${header.sender} ${frame.call}`);
        if (frame.type === FRAME.probe && !isOpen) writeGone(this.#outbox.to(header.sender), frame.call);
      });
      this.#outbox.flush();
    });
  }

  /** Takes nothing more, and ends with a goodbye when all is done. */
  stop(): void {
    if (this.process.isDead || this.#stopping) return;
    this.#stopping = true;
    this.admission.drain();
    this.#endIfDone();
  }

  #onInvoke(gateway: string, frame: Frame): void {
    const { requestId, functionKey, depth } = readInvokePlacement(frame)!;
    const project = projectOf(functionKey);
    const { nowMs } = this.#timeline;
    const knocks = (frame.flags & FLAG.knocks) !== 0;
    const verdict = this.admission.ask({ gateway, number: frame.call, project, depth, knocks, limits: [] }, nowMs);
    if (verdict === "repeated") return;
    if (typeof verdict === "string") {
      this.callsRejected++;
      writeRejected(this.#outbox.to(gateway), frame.call, verdict);
      return;
    }
    this.busyMax = Math.max(this.busyMax, this.admission.calls);
    this.callsBegun++;
    this.#running.add(`${gateway} ${frame.call}`);
    const { runMs } = this.#options.ledger.begin(requestId, this.id, nowMs);
    const takesMs = runMs + (this.#warm.has(functionKey) ? 0 : COLD_MS);
    const isSafe = (frame.flags & FLAG.safe) !== 0;
    if (!isSafe) writeAccepted(this.#outbox.to(gateway), frame.call, false);
    else if (takesMs > PLACING_LIMITS.acceptedSilenceMs) this.#acceptLater(gateway, frame.call);
    this.process.after(takesMs, () => this.#onDone(gateway, frame.call, functionKey, verdict));
  }

  #acceptLater(gateway: string, call: number): void {
    this.process.after(PLACING_LIMITS.acceptedSilenceMs, () => {
      writeAccepted(this.#outbox.to(gateway), call, false);
      this.#outbox.flush();
    });
  }

  #onDone(gateway: string, call: number, functionKey: string, held: Held): void {
    const { nowMs } = this.#timeline;
    this.#running.delete(`${gateway} ${call}`);
    writeHead(this.#outbox.to(gateway), call, OK, true);
    this.#outbox.flush();
    held.release(nowMs);
    if (!this.#warm.has(functionKey)) {
      this.#warm.add(functionKey);
      this.#beats.setWarm(functionKey, true, nowMs);
    }
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#stopping || this.admission.calls > 0) return;
    this.#beats.goodbye(this.#timeline.nowMs);
    this.process.die();
    this.onStopped?.();
  }
}
