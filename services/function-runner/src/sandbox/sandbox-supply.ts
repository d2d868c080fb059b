import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { RECYCLING_LIMITS, SANDBOX_LIMITS } from "../limits.ts";
import type { Launcher, SandboxFolders } from "./launcher.ts";
import { memoryOf } from "./process-usage.ts";
import { Sandbox } from "./sandbox.ts";
import { UidRange } from "./uid-range.ts";

export interface SandboxLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface SandboxCounters {
  started: number;
  /** Killed because of what they sent. */
  violations: number;
}

/** A folder pair with the user that may enter it. */
export interface Cell {
  folders: SandboxFolders;
  uid: number | undefined;
  remove(): Promise<void>;
}

/** Folders within folders may be deeper than a path can say: coreutils walk them by descriptors. */
async function removeFolder(folder: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3 };
  await rm(folder, options).catch(() => runFile("rm", ["-rf", "--", folder], { env: {}, timeout: REMOVE_TIMEOUT_MS }));
}

const runFile = promisify(execFile);
const REMOVE_TIMEOUT_MS = 60_000;

/** Starts sandboxes, blank ones ahead of need. A sandbox is given away once and never taken back: it is ended, not scrubbed. */
export class SandboxSupply {
  readonly counters: SandboxCounters = { started: 0, violations: 0 };
  readonly launcher: Launcher;
  readonly #directory: string;
  readonly #log: SandboxLog;
  readonly #uids = new UidRange(SANDBOX_LIMITS.uidMin, SANDBOX_LIMITS.uidMax);
  /** The oldest first: it is ready soonest. */
  readonly #spares: Sandbox[] = [];
  readonly #alive = new Set<Sandbox>();
  readonly #watch: NodeJS.Timeout;
  #refill: NodeJS.Timeout | undefined;
  /** Of all sandboxes together. */
  #memoryBytesMax = Infinity;
  #looks = 0;
  #cells = 0;
  #closed = false;

  constructor(launcher: Launcher, directory: string, log: SandboxLog) {
    this.launcher = launcher;
    this.#directory = directory;
    this.#log = log;
    // What an earlier process of this runner left behind.
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    // To be passed through, not to be listed.
    chmodSync(directory, 0o711);
    this.#watch = setInterval(() => this.#look(), SANDBOX_LIMITS.memoryCheckMs);
  }

  /** Lets all sandboxes together hold no more than their share of so much. */
  boundMemory(memoryBytes: number): void {
    this.#memoryBytesMax = memoryBytes * SANDBOX_LIMITS.memoryShareMax;
  }

  /** A blank sandbox. Throws when the runner stops. */
  take(): Sandbox {
    if (this.#closed) throw new Error("the runner stops: it starts no sandbox");
    let sandbox = this.#spares.shift();
    while (sandbox && !sandbox.takesInstances) sandbox = this.#spares.shift();
    this.#refillIn(SANDBOX_LIMITS.refillDelayMs);
    return sandbox ?? this.#start();
  }

  /** One after the other: starts compute, and calls want the cores. */
  refill(): void {
    if (this.#closed || this.#spares.length >= SANDBOX_LIMITS.spares) return;
    try {
      const sandbox = this.#start();
      this.#spares.push(sandbox);
      sandbox.booted.then(
        () => this.refill(),
        // Its exit has it started again.
        () => {},
      );
    } catch (err) {
      this.#log.warn({ err }, "no sandbox can be started ahead of need");
      this.#refillIn(SANDBOX_LIMITS.refillRetryMs);
    }
  }

  #refillIn(ms: number): void {
    if (!this.#closed) this.#refill ??= setTimeout(() => this.#refillNow(), ms);
  }

  #refillNow(): void {
    this.#refill = undefined;
    this.refill();
  }

  /** Folders for one process that is fenced in: `code` is its to read, `temporary` its to write. */
  openCell(): Cell {
    const uid = this.launcher.ownUsers ? this.#uids.take() : undefined;
    const folder = join(this.#directory, `${++this.#cells}`);
    const folders = { code: join(folder, "code"), temporary: join(folder, "tmp"), egress: join(folder, "egress") };
    for (const path of [folder, ...Object.values(folders)]) mkdirSync(path, { mode: 0o750 });
    if (uid !== undefined) {
      chownSync(folder, 0, uid);
      chownSync(folders.code, 0, uid);
      chownSync(folders.egress, 0, uid);
      chownSync(folders.temporary, uid, uid);
    }
    return {
      folders,
      uid,
      remove: async () => {
        await removeFolder(folder).catch((err: unknown) =>
          this.#log.warn({ err, folder }, "a sandbox's folder could not be removed"),
        );
        if (uid !== undefined) this.#uids.giveBack(uid);
      },
    };
  }

  /** Ends every sandbox and waits until none is left. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#refill);
    const alive = [...this.#alive];
    for (const sandbox of alive) sandbox.kill();
    await Promise.all(alive.map((sandbox) => sandbox.exited));
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** What V8 and the kernel do not bound for a thread: shared memory, WebAssembly, and files. */
  #look(): void {
    const looksAtFiles = ++this.#looks % SANDBOX_LIMITS.filesCheckEvery === 0;
    let allBytes = 0;
    let largest = { bytes: 0, sandbox: undefined as Sandbox | undefined };
    for (const sandbox of this.#alive) {
      const { pid } = sandbox;
      if (pid === undefined || sandbox.hasEnded) continue;
      const bytes = memoryOf(pid);
      allBytes += bytes;
      if (bytes > largest.bytes) largest = { bytes, sandbox };
      if (bytes > sandbox.memoryBytesMax) sandbox.killForMemory();
      else if (looksAtFiles && this.launcher.view.outgrows(pid, sandbox.folders)) sandbox.kill("it fills the disk");
    }
    // Every project has the same part, and whoever holds most is furthest over it.
    if (allBytes > this.#memoryBytesMax) largest.sandbox?.killForMemory();
  }

  /** One that was given away ends with its instances; for the others there are younger ones. */
  #retire(sandbox: Sandbox): void {
    sandbox.retire();
    if (this.#spares.includes(sandbox)) sandbox.kill();
  }

  #start(): Sandbox {
    const cell = this.openCell();
    try {
      return this.#startIn(cell);
    } catch (error) {
      void cell.remove();
      throw error;
    }
  }

  #startIn(cell: Cell): Sandbox {
    const sandbox = new Sandbox(this.launcher, cell.folders, cell.uid, {
      onViolation: (what) => {
        this.counters.violations++;
        this.#log.warn({ what, pid: sandbox.pid }, "a sandbox broke the rules and is killed");
      },
      onExit: (how) => {
        this.#alive.delete(sandbox);
        clearTimeout(aged);
        const spare = this.#spares.indexOf(sandbox);
        if (spare !== -1) {
          this.#spares.splice(spare, 1);
          this.#refillIn(SANDBOX_LIMITS.refillRetryMs);
        }
        this.#log.info({ how, pid: sandbox.pid }, "a sandbox ended");
        void cell.remove();
      },
    });
    const { sandboxAgeMs, jitterShare } = RECYCLING_LIMITS;
    const aged = setTimeout(() => this.#retire(sandbox), sandboxAgeMs * (1 - jitterShare * Math.random()));
    this.counters.started++;
    this.#alive.add(sandbox);
    // Who waits for it hears of a failure; a spare has nobody waiting.
    sandbox.booted.catch(() => {});
    return sandbox;
  }
}
