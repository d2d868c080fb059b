import { type Rejection, Standstill, slotsAtDepth } from "@millrace/frames";
import { PLACING_LIMITS } from "../limits.ts";
import { type CallLimit, CallLimits } from "./call-limits.ts";
import { CallWindow } from "./call-window.ts";
import { Shares } from "./shares.ts";

// Which invocations a runner takes. A machine without clock, timer or bus: every input says what time it is, and what it wants done goes
// to its host, so that a simulator drives the same code as `placing.ts`.
//
//      ┌── stood still ──▶
//   open                    catching up ◀── start          open, catching up ── drain ──▶ draining
//      ◀─── caught up ─────┘
//
//   open          takes a call that finds a slot, unless the slot is kept for a project or a gateway that has less than its share, or as many
//                 calls of its function or project run as a limit allows
//   catching up   the process did not run for a while, or is new. Gateways may have placed elsewhere what it finds in its mail, or are
//                 about to, since they sent it to the process before. So it takes nothing, and its beats say so, until the bus has
//                 echoed and its first beat has reached everybody: all that comes after is meant for it.
//   draining      takes nothing any more
//
// A number that a gateway used before is none of these: the bus said it twice, and the first one counts.

export type Verdict = Held | "repeated" | Rejection;

/** A call that was accepted, and its slot. */
export interface Held {
  /** Its function has become known: counts it where there are limits. False, and not counted, when it is one too many. */
  holdTo(limits: readonly CallLimit[]): boolean;
  /**
   * Nobody waits for the call any more, and it does not end. It gives its slot back, unless its project or all of them have many such
   * calls: then not before one of those is over. For its limits it goes on to count.
   */
  abandon(nowMs: number): void;
  /** The call is over. Once, whether it was abandoned or not. */
  release(nowMs: number): void;
}

export interface AdmissionHost {
  /**
   * Ask the bus for an echo, behind everything that is on its way here; when it has come, and `settleMs` are over in which a beat reaches
   * everybody, call `caughtUp`.
   */
  askForEcho(): void;
  /** The number of busy slots, or what the runner takes, is another. */
  changed(): void;
}

export interface Claim {
  gateway: string;
  /** The gateway's number of the call. */
  number: number;
  project: string;
  depth: number;
  /** Its gateway finds no slot anywhere, and asks for its share. */
  knocks: boolean;
  /** Of its function and its project, when these are known and have some. */
  limits: readonly CallLimit[];
}

interface Unwanted {
  project: string;
  giveBack(nowMs: number): void;
}

interface Gateway {
  window: CallWindow;
  heardAtMs: number;
}

export class Admission {
  readonly #slots: number;
  readonly #host: AdmissionHost;
  readonly #projects: Shares;
  readonly #sharesOfGateways: Shares;
  readonly #limits = new CallLimits();
  readonly #gateways = new Map<string, Gateway>();
  /** By project: calls that nobody waits for, and that run on beside the slots. */
  readonly #abandoned = new Map<string, number>();
  #abandonedCalls = 0;
  /** Calls that nobody waits for either, and that hold their slots until there is room beside. */
  readonly #unwanted = new Set<Unwanted>();
  readonly #abandonedMax: number;
  readonly #abandonedMaxOfProject: number;
  readonly #standstill = new Standstill(PLACING_LIMITS.standstillMs);
  #isDraining = false;
  #busy = 0;
  /** Calls of functions that run beside the slots. */
  #deepBusy = 0;

  constructor(slots: number, host: AdmissionHost) {
    const { keptSlotsShare, wantMs, abandonedShare, abandonedShareOfProject } = PLACING_LIMITS;
    this.#abandonedMax = Math.max(1, Math.floor(slots * abandonedShare));
    this.#abandonedMaxOfProject = Math.max(1, Math.floor(slots * abandonedShareOfProject));
    const keptMax = Math.max(1, Math.floor(slots * keptSlotsShare));
    this.#slots = slots;
    this.#host = host;
    this.#projects = new Shares(slots, keptMax, wantMs);
    this.#sharesOfGateways = new Shares(slots, keptMax, wantMs);
  }

  get slotsBusy(): number {
    return this.#busy;
  }

  /** Calls that run, those included that gave their slots back. */
  get calls(): number {
    return this.#busy + this.#deepBusy + this.#abandonedCalls;
  }

  /** Whether gateways should place anything here. */
  get isOpen(): boolean {
    return !this.#isDraining && this.#standstill.isOver;
  }

  /** Names that are remembered, for tests that look for leaks. */
  get remembered(): number {
    const shares = this.#projects.size + this.#sharesOfGateways.size;
    return shares + this.#limits.size + this.#gateways.size + this.#abandoned.size;
  }

  /** A gateway asks for a slot. */
  ask(claim: Claim, nowMs: number): Verdict {
    this.#notice(nowMs);
    if (!this.#windowOf(claim.gateway, nowMs).take(claim.number)) return "repeated";
    if (!this.isOpen) return this.#isDraining ? "draining" : "platform";
    // Not busy: there are slots, for everybody else.
    if (this.#abandonedOf(claim.project) >= this.#abandonedMaxOfProject) return "platform";
    if (!this.#limits.take(claim.limits)) return "atLimit";
    const slot = this.#slotFor(claim, nowMs);
    if (slot !== null) return this.#hold(claim, slot);
    this.#limits.release(claim.limits);
    // Not busy either: anybody may say that a call is deep.
    if (claim.depth > 0) return "platform";
    if (claim.knocks) {
      this.#projects.turnAway(claim.project, nowMs);
      this.#sharesOfGateways.turnAway(claim.gateway, nowMs);
    }
    return "busy";
  }

  /** To be called at least every second: it is how the machine knows that its process runs. */
  tick(nowMs: number): void {
    this.#notice(nowMs);
    this.#projects.sweep(nowMs);
    this.#sharesOfGateways.sweep(nowMs);
    for (const [id, { heardAtMs }] of this.#gateways) {
      if (nowMs - heardAtMs > PLACING_LIMITS.gatewayForgottenMs) this.#gateways.delete(id);
    }
  }

  /** The process is new, and others of its name were there before it. */
  start(): void {
    this.#standstill.begin();
    this.#catchUp();
  }

  /** An echo that was asked for has come. */
  caughtUp(): void {
    this.#standstill.caughtUp();
    if (this.isOpen) this.#host.changed();
  }

  drain(): void {
    this.#isDraining = true;
    this.#host.changed();
  }

  /** A call that a function made has slots beyond those of callers, when it finds none among these. */
  #slotFor({ project, gateway, depth }: Claim, nowMs: number): "shared" | "deep" | null {
    const free = this.#slots - this.#busy;
    const kept = Math.max(this.#projects.keptFrom(project, nowMs), this.#sharesOfGateways.keptFrom(gateway, nowMs), 0);
    if (free > kept) return "shared";
    return this.#deepBusy < slotsAtDepth(this.#slots, depth) - this.#slots ? "deep" : null;
  }

  #hold({ project, gateway, limits }: Claim, slot: "shared" | "deep"): Held {
    let heldTo = limits;
    let hasSlot = slot === "shared";
    if (slot === "deep") this.#deepBusy++;
    else {
      this.#busy++;
      this.#projects.take(project);
      this.#sharesOfGateways.take(gateway);
    }
    this.#host.changed();
    const giveBack = (nowMs: number) => {
      hasSlot = false;
      this.#busy--;
      this.#projects.release(project, nowMs);
      this.#sharesOfGateways.release(gateway, nowMs);
      this.#host.changed();
    };
    const unwanted: Unwanted = { project, giveBack };
    return {
      holdTo: (late) => {
        const hasRoom = this.#limits.take(late);
        if (hasRoom) heldTo = late;
        return hasRoom;
      },
      abandon: (nowMs) => {
        if (!hasSlot) return;
        this.#unwanted.add(unwanted);
        this.#abandonUnwanted(nowMs);
      },
      release: (nowMs) => {
        this.#limits.release(heldTo);
        this.#unwanted.delete(unwanted);
        if (hasSlot) giveBack(nowMs);
        else if (slot === "deep") this.#deepBusy--;
        else {
          this.#countAbandoned(project, -1);
          this.#abandonUnwanted(nowMs);
        }
      },
    };
  }

  #abandonUnwanted(nowMs: number): void {
    for (const unwanted of this.#unwanted) {
      if (!this.#mayAbandon(unwanted.project)) continue;
      this.#unwanted.delete(unwanted);
      this.#countAbandoned(unwanted.project, 1);
      unwanted.giveBack(nowMs);
    }
  }

  #mayAbandon(project: string): boolean {
    return this.#abandonedOf(project) < this.#abandonedMaxOfProject && this.#abandonedCalls < this.#abandonedMax;
  }

  #countAbandoned(project: string, by: 1 | -1): void {
    const count = this.#abandonedOf(project) + by;
    this.#abandonedCalls += by;
    if (count === 0) this.#abandoned.delete(project);
    else this.#abandoned.set(project, count);
    this.#host.changed();
  }

  #abandonedOf(project: string): number {
    return this.#abandoned.get(project) ?? 0;
  }

  #notice(nowMs: number): void {
    if (this.#standstill.notice(nowMs)) this.#catchUp();
  }

  #catchUp(): void {
    this.#host.changed();
    this.#host.askForEcho();
  }

  #windowOf(id: string, nowMs: number): CallWindow {
    let gateway = this.#gateways.get(id);
    if (gateway === undefined) {
      gateway = { window: new CallWindow(), heardAtMs: nowMs };
      this.#gateways.set(id, gateway);
    }
    gateway.heardAtMs = nowMs;
    return gateway.window;
  }
}
