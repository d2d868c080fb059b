/**
 * One child process that should be running: started and waited for, started again with back-off when it ends by itself, stopped
 * with a signal and a deadline.
 *
 *   stopped ─start→ starting ─probe→ ready ─exit→ waiting ─back-off→ starting
 *      ↑──────────────── stop, from anywhere ────────────────┘
 *
 * Children lead process groups of their own, so that Ctrl-C in a terminal reaches only us and we stop them in order. They die
 * with us even on `kill -9`: the kernel signals them when their parent is gone (`setpriv --pdeathsig`), and where that does
 * not exist the ledger lets the next start end them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { basicEnvironment, findExecutable, lastLines } from "../command.ts";
import type { User } from "../paths.ts";
import { type ProcessLedger, signalGroup } from "./process-ledger.ts";
import { logTail, RotatingLog } from "./rotating-log.ts";
import { delay, poll } from "./until.ts";

const PROBE_INTERVAL_MS = 25;
const BACKOFF_MS = { first: 200, max: 10_000 };
const STABLE_AFTER_MS = 30_000;
const KILL_TIMEOUT_MS = 5_000;

export type ProcessSpec = {
  readonly name: string;
  readonly argv: () => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly user?: User | undefined;
  readonly logFile: string;
  /** True once it serves. */
  readonly probe: () => Promise<boolean>;
  readonly startTimeoutMs: number;
  readonly startAttemptsMax: number;
  readonly stopSignal: NodeJS.Signals;
  readonly stopTimeoutMs: number;
};

/** What processes of one platform have in common. */
export type ProcessHost = {
  readonly ledger: ProcessLedger;
  readonly log: (line: string) => void;
  /** Every process made for this host, in order. */
  readonly processes: Set<ManagedProcess>;
};

type Run = { readonly child: ChildProcess; readonly exited: Promise<string>; ended: string | undefined };

export class ManagedProcess {
  readonly name: string;
  readonly #spec: ProcessSpec;
  readonly #host: ProcessHost;
  #run: Run | undefined;
  #wanted = false;
  #backoffMs = BACKOFF_MS.first;
  #recovering: Promise<void> | undefined;
  #wakeUp = new AbortController();

  constructor(spec: ProcessSpec, host: ProcessHost) {
    this.name = spec.name;
    this.#spec = spec;
    this.#host = host;
    host.processes.add(this);
  }

  get pid(): number | undefined {
    return this.#run?.ended === undefined ? this.#run?.child.pid : undefined;
  }

  get logFile(): string {
    return this.#spec.logFile;
  }

  /** Starts it and waits until it serves; rejects with the end of its log when it does not within its time. */
  async start(): Promise<void> {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#wakeUp = new AbortController();
    const startedAt = Date.now();
    for (let attempt = 1; ; attempt++) {
      const failure = await this.#attempt();
      if (failure === undefined) break;
      if (attempt >= this.#spec.startAttemptsMax || !this.#wanted) {
        await this.stop();
        throw new Error(
          `${this.name} did not start: ${failure}${lastLines(logTail(this.logFile))}\n  (${this.logFile})`,
        );
      }
      await delay(BACKOFF_MS.first * attempt);
    }
    this.#host.log(`${this.name} ready in ${Date.now() - startedAt} ms`);
  }

  /** Asks it to stop and waits; at the deadline it is killed. Its restarts end with it. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.#wakeUp.abort();
    const run = this.#run;
    if (run?.child.pid !== undefined && run.ended === undefined) {
      signalGroupLeader(run.child.pid, this.#spec.stopSignal);
      if (!(await settlesWithin(run.exited, this.#spec.stopTimeoutMs))) {
        this.#host.log(`${this.name} did not stop within ${this.#spec.stopTimeoutMs} ms and is killed`);
        signalGroup(run.child.pid, "SIGKILL");
        await settlesWithin(run.exited, KILL_TIMEOUT_MS);
      }
    }
    await this.#recovering;
    this.#host.ledger.remove(this.name);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Kills it and its process group at once, as a crash would; it is started again like after any crash. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const run = this.#run;
    if (run?.child.pid === undefined || run.ended !== undefined) return;
    signalGroup(run.child.pid, signal);
    await settlesWithin(run.exited, KILL_TIMEOUT_MS);
  }

  async #attempt(): Promise<string | undefined> {
    const run = this.#spawn();
    const served = await poll(this.#spec.probe, {
      timeoutMs: this.#spec.startTimeoutMs,
      intervalMs: PROBE_INTERVAL_MS,
      giveUp: () => run.ended !== undefined || !this.#wanted,
    });
    if (served !== undefined && run.ended === undefined) {
      const readyAt = Date.now();
      void run.exited.then((how) => this.#afterExit(how, Date.now() - readyAt));
      return undefined;
    }
    if (run.ended !== undefined) return `it ended (${run.ended})`;
    if (!this.#wanted) return "it was stopped";
    if (run.child.pid !== undefined) signalGroup(run.child.pid, "SIGKILL");
    await settlesWithin(run.exited, KILL_TIMEOUT_MS);
    return `it was not ready after ${this.#spec.startTimeoutMs} ms`;
  }

  #afterExit(how: string, upMs: number): void {
    if (!this.#wanted) return;
    if (upMs >= STABLE_AFTER_MS) this.#backoffMs = BACKOFF_MS.first;
    const recovering = this.#recover(how)
      .catch((error: unknown) => this.#host.log(`${this.name} cannot be started again: ${String(error)}`))
      .finally(() => {
        if (this.#recovering === recovering) this.#recovering = undefined;
      });
    this.#recovering = recovering;
  }

  async #recover(how: string): Promise<void> {
    for (let reason = how; this.#wanted; ) {
      this.#host.log(`${this.name} ended (${reason}); starting it again in ${this.#backoffMs} ms`);
      await delayUnless(this.#backoffMs, this.#wakeUp.signal);
      if (!this.#wanted) return;
      this.#backoffMs = Math.min(BACKOFF_MS.max, this.#backoffMs * 2);
      const startedAt = Date.now();
      const failure = await this.#attempt();
      if (failure === undefined) return this.#host.log(`${this.name} is back after ${Date.now() - startedAt} ms`);
      reason = failure;
    }
  }

  #spawn(): Run {
    const { user, env, cwd, stopSignal } = this.#spec;
    const [file, ...args] = dyingWithParent(this.#spec.argv(), stopSignal);
    const log = new RotatingLog(this.logFile);
    const child = spawn(file!, args, {
      cwd,
      env: { ...basicEnvironment(), ...env },
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    child.stdout!.pipe(log, { end: false });
    child.stderr!.pipe(log, { end: false });
    const run: Run = { child, ended: undefined, exited: exit(child) };
    void run.exited.then((how) => {
      run.ended = how;
      // Whatever it leaves behind must not outlive it: its group is its own, and no pid of the group can be in use elsewhere.
      if (child.pid !== undefined) signalLeftovers(child.pid);
    });
    child.once("close", () => log.destroy());
    if (child.pid !== undefined) this.#host.ledger.add(this.name, child.pid, stopSignal);
    this.#run = run;
    return run;
  }
}

function exit(child: ChildProcess): Promise<string> {
  return new Promise((settle) => {
    child.once("error", (error) => settle(error.message));
    child.once("exit", (code, signal) => settle(signal === null ? `exit code ${code}` : signal));
  });
}

function dyingWithParent(argv: readonly string[], signal: NodeJS.Signals): readonly string[] {
  const setpriv = process.platform === "linux" ? findExecutable("setpriv") : undefined;
  return setpriv === undefined ? argv : [setpriv, `--pdeathsig=${signal}`, "--", ...argv];
}

function signalLeftovers(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Nobody is left, or only zombies, which cannot be signalled.
  }
}

/** A graceful stop is for the process that leads; it stops its own children in the order that it knows. */
function signalGroupLeader(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timeout = new AbortController();
  try {
    return await Promise.race([promise.then(() => true), delayUnless(timeoutMs, timeout.signal).then(() => false)]);
  } finally {
    timeout.abort();
  }
}

function delayUnless(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((settle) => {
    if (signal.aborted) return settle();
    const timer = setTimeout(settle, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      settle();
    });
  });
}
