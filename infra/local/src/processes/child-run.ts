/**
 * One run of a child process, from spawn to exit. Children lead process groups of their own, so that Ctrl-C in a terminal reaches only us
 * and we stop them in order. They die with us even on `kill -9`: the kernel signals them when their parent is gone
 * (`setpriv --pdeathsig`), and where that does not exist the ledger lets the next start end them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { basicEnvironment, findExecutable } from "../command.ts";
import type { User } from "../paths.ts";
import { RotatingLog } from "./rotating-log.ts";

export type ChildSpec = {
  readonly argv: () => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly user?: User | undefined;
  readonly logFile: string;
  readonly stopSignal: NodeJS.Signals;
  /** What the kernel sends when we are gone; by default the stop signal. */
  readonly orphanSignal?: NodeJS.Signals;
};

export class ChildRun {
  /** Settles with how it ended: an exit code, a signal, or why it could not be started. */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  #ended: string | undefined;

  constructor(spec: ChildSpec) {
    const [file, ...args] = dyingWithParent(spec.argv(), spec.orphanSignal ?? spec.stopSignal);
    const log = new RotatingLog(spec.logFile);
    const child = spawn(file!, args, {
      cwd: spec.cwd,
      env: { ...basicEnvironment(), ...spec.env },
      ...(spec.user === undefined ? {} : { uid: spec.user.uid, gid: spec.user.gid }),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    child.stdout!.pipe(log, { end: false });
    child.stderr!.pipe(log, { end: false });
    child.once("close", () => log.destroy());
    this.#child = child;
    this.exited = new Promise((settle) => {
      child.once("error", (error) => settle(this.#end(error.message)));
      child.once("exit", (code, signal) => settle(this.#end(signal ?? `exit code ${code}`)));
    });
  }

  /** Undefined when it could not be started. */
  get startedPid(): number | undefined {
    return this.#child.pid;
  }

  /** Undefined when it does not run. */
  get pid(): number | undefined {
    return this.#ended === undefined ? this.#child.pid : undefined;
  }

  get ended(): string | undefined {
    return this.#ended;
  }

  /** Signals the process alone: it stops its own children in the order that it knows. */
  signal(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) send(this.pid, signal);
  }

  /** Signals the process and all of its group. */
  signalAll(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) send(-this.pid, signal);
  }

  #end(how: string): string {
    this.#ended = how;
    // Whatever it leaves behind must not outlive it. The group is its own: while anyone is in it, its number is nobody else's.
    if (this.#child.pid !== undefined) send(-this.#child.pid, "SIGKILL");
    return how;
  }
}

function send(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal);
  } catch {
    // Gone already, or only a zombie is left, which some systems refuse to signal.
  }
}

function dyingWithParent(argv: readonly string[], signal: NodeJS.Signals): readonly string[] {
  const setpriv = process.platform === "linux" ? findExecutable("setpriv") : undefined;
  return setpriv === undefined ? argv : [setpriv, `--pdeathsig=${signal}`, "--", ...argv];
}
