import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { type Frame, FrameReader } from "@millrace/frames";
import { SANDBOX_LIMITS } from "../limits.ts";
import { Channel } from "./channel.ts";
import type { InsideFolders, Launcher, SandboxFolders } from "./launcher.ts";
import { innermostOf, putLast } from "./process-usage.ts";
import { ENDED, type InstanceLoad, SANDBOX_FRAME, type ThreadKind, writeLoad } from "./sandbox-frames.ts";

const MIB = 1024 ** 2;
/** The control channel's is the one before. */
const FIRST_CHANNEL_FD = 4;

/** How an instance ended. `lost`: with its whole sandbox, whatever was the reason. */
export interface InstanceEnd {
  cause: keyof typeof ENDED | "lost";
  text: string;
  /** Everything that it sent was heard. */
  complete: boolean;
  /** The whole sandbox died of it; undefined when it died and nobody knows of what. */
  guilty: boolean | undefined;
}

/** What the supervisor's side of an instance hears. */
export interface InstanceListener {
  /** The thread is there and loads now. Not told when it was there before. */
  onReady?(): void;
  /** What it holds while it has no calls, as far as is known; undefined when it may hold all that its function may. */
  idleBytes?(): number | undefined;
  onFrame(frame: Frame): void;
  onEnded(end: InstanceEnd): void;
}

/** A thread in a sandbox, as the supervisor holds it. */
export interface InstanceHandle {
  readonly channel: Channel;
  /** Ends the thread; when it does not end within the time, the whole sandbox. */
  stop(timeoutMs: number): void;
  /** Ends the whole sandbox: the instance broke a rule. */
  violate(what: string): void;
  /** Its sandbox takes no more instances: it is to be replaced elsewhere. */
  readonly isOutdated: boolean;
  /** Whether the thread was there when the instance was started. */
  readonly wasReady: boolean;
}

interface Held {
  kind: ThreadKind;
  channel: Channel;
  /** Undefined while the thread is blank. */
  listener: InstanceListener | undefined;
  /** The sandbox's main thread has heard that it is to be started. */
  isHeard: boolean;
  /** It reads its channel; before that it says nothing but that. */
  isReady: boolean;
  timer?: NodeJS.Timeout;
  /** Infinity until its end is asked for. */
  killAt: number;
  channelClosed: boolean;
  /** As the sandbox's main thread reported it. */
  end?: Omit<InstanceEnd, "complete" | "guilty">;
}

export interface SandboxEvents {
  /** The sandbox broke the rules and was killed. */
  onViolation(what: string): void;
  onExit(how: string): void;
}

/** One operating-system process with the threads of one project, seen from outside. Everything that comes from it may be a lie. */
export class Sandbox {
  readonly folders: SandboxFolders;
  /** The folders as its threads see them. */
  readonly inside: InsideFolders;
  /** Its own; undefined where it runs as the runner's user. */
  readonly uid: number | undefined;
  readonly #process: ChildProcess;
  readonly #events: SandboxEvents;
  readonly #control: Channel;
  readonly #instances = new Map<number, Held>();
  readonly #booted = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #hasBooted = false;
  /** A thread of it waits for what to load, or has done so. */
  #hasThread = false;
  #pid: number | undefined;
  /** It broke a rule: until it is gone, what it still says is let pass. */
  #broken = false;
  #channelsUsed = 0;
  /** The thread that has nothing to run yet. */
  #blank: number | undefined;
  /** It takes no more instances: another sandbox takes over. */
  #retired = false;
  /** The instance that the sandbox was killed for. */
  #guilty: number | undefined;
  #lastWords = "";
  #heardBytes = 0;
  #fate: Held["end"];
  #ended = false;

  constructor(launcher: Launcher, folders: SandboxFolders, uid: number | undefined, events: SandboxEvents) {
    this.folders = folders;
    this.uid = uid;
    this.inside = launcher.view.inside(folders);
    this.#events = events;
    const channels = SANDBOX_LIMITS.channels + 1;
    const { code, temporary, egress = "" } = this.inside;
    this.#process = launcher.launch({ program: "main", args: [code, temporary, egress], folders, channels, uid });
    this.#control = new Channel(this.#socket(0), {
      onFrame: (frame) => this.#broken || this.#onControl(frame),
      onEnd: (why) => this.kill(why === "garbage" ? "its control channel is garbage" : undefined),
    });
    for (let i = 1; i < channels; i++) this.#socket(i).on("error", () => {});
    this.#process.stderr?.on("data", (bytes: Buffer) => this.#hear(bytes));
    this.#process.once("error", (error) => this.#onExit(String(error)));
    this.#process.once("exit", (code, signal) => this.#onExit(signal ?? `exit code ${code}`));
    const timer = setTimeout(() => this.kill("it did not boot in time"), SANDBOX_LIMITS.bootTimeoutMs);
    void this.#booted.promise.catch(() => {}).finally(() => clearTimeout(timer));
    this.prepare({ memoryMib: SANDBOX_LIMITS.blankMemoryMib, withWeb: false });
  }

  /** Resolves when the sandbox has a blank thread, ready to load; rejects when it ended before. */
  get booted(): Promise<void> {
    return this.#booted.promise;
  }

  get exited(): Promise<void> {
    return this.#exited.promise;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Of the process that runs the threads; undefined until it has booted. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Threads that have something to run. */
  get instances(): number {
    return this.#instances.size - (this.#blank === undefined ? 0 : 1);
  }

  /** What all its threads together may hold. */
  get memoryBytesMax(): number {
    let bytes: number = SANDBOX_LIMITS.memoryBytesBase;
    for (const held of this.#instances.values()) bytes += memoryBytesMaxOf(held);
    return bytes;
  }

  /** Whether it has a channel left for one more instance. */
  get takesInstances(): boolean {
    return !this.#ended && !this.#retired && this.#channelsUsed < SANDBOX_LIMITS.channels;
  }

  /** Of the blank thread that waits for an instance; undefined when none does. */
  get blank(): ThreadKind | undefined {
    return this.#blank === undefined ? undefined : this.#instances.get(this.#blank)!.kind;
  }

  /** Whether a thread is being started. */
  get isPreparing(): boolean {
    for (const { isReady } of this.#instances.values()) if (!isReady) return true;
    return false;
  }

  /** The last channel is left to an instance of any size. */
  get takesBlanks(): boolean {
    return this.takesInstances && this.#channelsUsed < SANDBOX_LIMITS.channels - 1;
  }

  /** Starts a thread ahead of need, if none waits. */
  prepare(kind: ThreadKind): void {
    if (this.#blank !== undefined || !this.takesBlanks) return;
    this.#blank = this.#startThread(kind);
  }

  /** Ends the thread that waits. */
  dropBlank(): void {
    const number = this.#blank;
    this.#blank = undefined;
    if (number !== undefined) this.#stop(number, SANDBOX_LIMITS.retireTimeoutMs);
  }

  /** Takes no more instances from now on. */
  retire(): void {
    this.#retired = true;
    this.dropBlank();
  }

  startInstance(load: InstanceLoad, listener: InstanceListener, withWeb = false): InstanceHandle {
    if (!this.takesInstances) throw new Error("the sandbox takes no more instances");
    const number = this.#takeThread({ memoryMib: load.memoryMib, withWeb });
    const held = this.#instances.get(number)!;
    held.listener = listener;
    writeLoad(held.channel.writer(), load);
    const isOutdated = () => this.#retired;
    return {
      channel: held.channel,
      stop: (timeoutMs) => this.#stop(number, timeoutMs),
      violate: (what) => this.#killFor(number, what),
      get isOutdated() {
        return isOutdated();
      },
      wasReady: held.isReady,
    };
  }

  /** The blank thread if it has the size, else one of its own: classes that it lacks it loads sooner than another thread starts. */
  #takeThread(kind: ThreadKind): number {
    const blank = this.blank?.memoryMib === kind.memoryMib ? this.#blank : undefined;
    if (blank === undefined) {
      const number = this.#startThread(kind);
      if (!this.takesInstances) this.dropBlank();
      return number;
    }
    this.#blank = undefined;
    return blank;
  }

  #startThread(kind: ThreadKind): number {
    const number = ++this.#channelsUsed;
    const channel = new Channel(this.#socket(number), {
      onFrame: (frame) => this.#broken || this.#onInstance(number, held, frame),
      onEnd: (why) =>
        why === "garbage" ? this.#killFor(number, "an instance's channel is garbage") : this.#onClosed(number),
    });
    const held: Held = {
      ...{ kind, channel, listener: undefined, isHeard: false, isReady: false },
      ...{ killAt: Infinity, channelClosed: false },
    };
    this.#instances.set(number, held);
    // Its first thread has the boot's time.
    if (this.#hasBooted) held.timer = setTimeout(() => this.kill(), SANDBOX_LIMITS.hearingTimeoutMs);
    this.#control
      .writer()
      .begin(SANDBOX_FRAME.prepare, 0, number)
      .u32(number + FIRST_CHANNEL_FD - 1)
      .u32(kind.memoryMib)
      .u8(kind.withWeb ? 1 : 0)
      .end();
    return number;
  }

  #onInstance(number: number, held: Held, frame: Frame): void {
    if (held.isReady && held.listener) held.listener.onFrame(frame);
    else if (held.isReady || frame.type !== SANDBOX_FRAME.ready)
      this.#killFor(number, "an instance speaks out of turn");
    else {
      held.isReady = true;
      held.listener?.onReady?.();
      this.#hasThread = true;
      this.#bootedOnceReady();
    }
  }

  /** Ends the process at once. `violation` says which rule it broke, if it did. */
  kill(violation?: string): void {
    if (this.#ended) return;
    if (violation && !this.#broken) this.#events.onViolation(violation);
    this.#broken ||= violation !== undefined;
    // It is gone in a moment, and nothing is to be started in it until then.
    this.#retired = true;
    this.#process.kill("SIGKILL");
  }

  /** Ends the process because it holds more memory than its instances may; a lone instance is known to be the one. */
  killForMemory(): void {
    if (this.instances === 1) this.#guilty = [...this.#instances.keys()].find((number) => number !== this.#blank);
    this.#fate = {
      cause: this.instances === 1 ? "outOfMemory" : "lost",
      text: "its sandbox held too much memory",
    };
    this.kill();
  }

  #killFor(number: number, violation?: string): void {
    this.#guilty ??= number;
    this.kill(violation);
  }

  /** Asked again, the shorter time counts. */
  #stop(number: number, timeoutMs: number): void {
    const held = this.#instances.get(number);
    const killAt = performance.now() + timeoutMs;
    if (!held || held.end || killAt >= held.killAt) return;
    if (held.killAt === Infinity) this.#control.writer().begin(SANDBOX_FRAME.stop, 0, number).end();
    held.killAt = killAt;
    clearTimeout(held.timer);
    held.timer = setTimeout(() => this.#killFor(number), timeoutMs);
  }

  #onControl(frame: Frame): void {
    if (frame.type === SANDBOX_FRAME.booted && !this.#hasBooted) this.#onBooted();
    else if (frame.type === SANDBOX_FRAME.preparing && this.#instances.get(frame.call)?.isHeard === false)
      this.#onPreparing(this.#instances.get(frame.call)!);
    else if (frame.type === SANDBOX_FRAME.ended && this.#instances.has(frame.call)) this.#onEnded(frame);
    else this.kill("its control channel carries what it may not");
  }

  #onBooted(): void {
    this.#hasBooted = true;
    this.#pid = innermostOf(this.#process.pid!);
    putLast(this.#pid);
    this.#bootedOnceReady();
  }

  #bootedOnceReady(): void {
    if (this.#hasBooted && this.#hasThread) this.#booted.resolve();
  }

  #onPreparing(held: Held): void {
    held.isHeard = true;
    if (held.killAt === Infinity) clearTimeout(held.timer);
  }

  // A thread that ends closes its channel, and its end is reported; what is still in the channel is read before its end is told.
  #onEnded(frame: Frame): void {
    const held = this.#instances.get(frame.call)!;
    const reader = new FrameReader(frame.payload);
    const code = reader.u8();
    const cause = (Object.keys(ENDED) as (keyof typeof ENDED)[]).find((name) => ENDED[name] === code) ?? "crashed";
    this.#endOf(frame.call, held, { cause, text: reader.rest().toString("utf8") });
  }

  #endOf(number: number, held: Held, end: NonNullable<Held["end"]>): void {
    held.end = end;
    clearTimeout(held.timer);
    if (held.channelClosed) this.#forget(number);
    else held.timer = setTimeout(() => this.#forget(number), SANDBOX_LIMITS.endTimeoutMs);
  }

  #onClosed(number: number): void {
    const held = this.#instances.get(number)!;
    held.channelClosed = true;
    if (held.end) this.#forget(number);
    else if (held.killAt === Infinity) {
      clearTimeout(held.timer);
      const { endTimeoutMs, retireTimeoutMs } = SANDBOX_LIMITS;
      held.timer = setTimeout(() => this.#stop(number, retireTimeoutMs), endTimeoutMs);
    }
  }

  #forget(number: number): void {
    const held = this.#instances.get(number)!;
    this.#instances.delete(number);
    if (this.#blank === number) this.#blank = undefined;
    clearTimeout(held.timer);
    held.channel.close();
    const complete = held.channel.heardAll && !this.#broken;
    const guilty = this.#ended && this.#guilty === undefined ? undefined : this.#guilty === number;
    held.listener?.onEnded({ ...held.end!, complete, guilty });
  }

  #hear(bytes: Buffer): void {
    this.#heardBytes += bytes.length;
    if (this.#heardBytes > SANDBOX_LIMITS.standardErrorBytesMax) {
      this.#process.stderr?.pause();
      this.kill("it floods its standard error");
    }
    this.#lastWords = (this.#lastWords + bytes.toString("latin1")).slice(-SANDBOX_LIMITS.lastWordsBytesMax);
  }

  #onExit(how: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#control.close();
    for (const stream of this.#process.stdio.slice(0, 3)) stream?.destroy();
    for (let i = 1; i <= SANDBOX_LIMITS.channels; i++) if (!this.#instances.has(i)) this.#socket(i)?.destroy();
    // What its instances sent before is read first.
    for (const [number, held] of [...this.#instances]) {
      this.#endOf(number, held, held.end ?? this.#fate ?? { cause: "lost", text: how });
    }
    this.#booted.reject(new Error(`a sandbox ended while it started (${how}): ${this.#lastWords}`));
    this.#events.onExit(how);
    this.#exited.resolve();
  }

  #socket(index: number): Socket {
    return this.#process.stdio[index + 3] as Socket;
  }
}

function memoryBytesMaxOf({ listener, kind }: Held): number {
  const idleBytes = listener ? listener.idleBytes?.() : 0;
  const most = kind.memoryMib * MIB + SANDBOX_LIMITS.memoryBytesPerInstance;
  return idleBytes === undefined ? most : Math.min(most, idleBytes + SANDBOX_LIMITS.memoryBytesIdle);
}
