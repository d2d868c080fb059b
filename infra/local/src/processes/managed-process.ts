/**
 * One child process that should be running: started and waited for, started again with back-off when it ends by itself, stopped
 * with a signal and a deadline.
 *
 *   stopped ─start→ starting ─probe→ ready ─exit→ waiting ─back-off→ starting
 *      ↑──────────────── stop, from anywhere ────────────────┘
 */
import { lastLines } from "../command.ts";
import { ChildRun, type ChildSpec } from "./child-run.ts";
import type { ProcessLedger } from "./process-ledger.ts";
import { logTail } from "./rotating-log.ts";
import { delay, poll, settlesWithin } from "./until.ts";

const PROBE_INTERVAL_MS = 25;
const BACKOFF_MS = { first: 200, max: 10_000 };
const STABLE_AFTER_MS = 30_000;
const KILL_TIMEOUT_MS = 5_000;

export type ProcessSpec = ChildSpec & {
  readonly name: string;
  /** True once it serves. */
  readonly probe: () => Promise<boolean>;
  readonly startTimeoutMs: number;
  readonly startAttemptsMax: number;
  readonly stopTimeoutMs: number;
};

/** What processes of one platform have in common. */
export type ProcessHost = {
  readonly ledger: ProcessLedger;
  readonly log: (line: string) => void;
  /** Every process made for this host, in order. */
  readonly processes: Set<ManagedProcess>;
};

export class ManagedProcess {
  readonly name: string;
  readonly #spec: ProcessSpec;
  readonly #host: ProcessHost;
  #run: ChildRun | undefined;
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

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#run?.pid;
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
      await delay(BACKOFF_MS.first * attempt, this.#wakeUp.signal);
    }
    this.#host.log(`${this.name} ready in ${Date.now() - startedAt} ms`);
  }

  /** Asks it to stop and waits; at the deadline it is killed. Its restarts end with it. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.#wakeUp.abort();
    const run = this.#run;
    if (run?.pid !== undefined) {
      run.signal(this.#spec.stopSignal);
      if (!(await settlesWithin(run.exited, this.#spec.stopTimeoutMs))) {
        this.#host.log(`${this.name} did not stop within ${this.#spec.stopTimeoutMs} ms and is killed`);
        await kill(run);
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
    if (this.#run !== undefined) await kill(this.#run, signal);
  }

  /** Starts it once; answers why it does not serve, or nothing when it does. */
  async #attempt(): Promise<string | undefined> {
    const run = new ChildRun(this.#spec);
    this.#run = run;
    if (run.startedPid !== undefined) this.#host.ledger.add(this.name, run.startedPid, this.#spec.stopSignal);
    const serves = await poll(this.#spec.probe, {
      timeoutMs: this.#spec.startTimeoutMs,
      intervalMs: PROBE_INTERVAL_MS,
      giveUp: () => run.ended !== undefined || !this.#wanted,
    });
    if (run.ended !== undefined) return `it ended (${run.ended})`;
    if (!this.#wanted) return "it was stopped";
    if (serves) {
      const readyAt = Date.now();
      void run.exited.then((how) => this.#afterExit(how, Date.now() - readyAt));
      return undefined;
    }
    await kill(run);
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
      await delay(this.#backoffMs, this.#wakeUp.signal);
      if (!this.#wanted) return;
      this.#backoffMs = Math.min(BACKOFF_MS.max, this.#backoffMs * 2);
      const startedAt = Date.now();
      const failure = await this.#attempt();
      if (failure === undefined) return this.#host.log(`${this.name} is back after ${Date.now() - startedAt} ms`);
      reason = failure;
    }
  }
}

async function kill(run: ChildRun, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (run.pid === undefined) return;
  run.signalAll(signal);
  await settlesWithin(run.exited, KILL_TIMEOUT_MS);
}
