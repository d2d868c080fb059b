/**
 * Which processes this state directory has started: one small file each, so that a start after a power cut or a `kill -9` finds and
 * ends what was left. A pid alone proves nothing, since pids are used again; the start time is kept with it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePrivateDirectory } from "../paths.ts";
import { delay } from "./until.ts";

const REAP_TERM_MS = 8_000;
const REAP_KILL_MS = 5_000;
const POLL_MS = 50;

type Entry = { readonly pid: number; readonly startedAt: string; readonly stopSignal: NodeJS.Signals };

export class ProcessLedger {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = makePrivateDirectory(folder);
  }

  add(name: string, pid: number, stopSignal: NodeJS.Signals): void {
    const entry: Entry = { pid, startedAt: startTime(pid) ?? "", stopSignal };
    writeFileSync(this.#file(name), JSON.stringify(entry), { mode: 0o600 });
  }

  remove(name: string): void {
    rmSync(this.#file(name), { force: true });
  }

  /** Whether it runs; what another process has started counts too. */
  has(name: string): boolean {
    const entry = readEntry(this.#file(name));
    return entry !== undefined && isAlive(entry);
  }

  signal(name: string, signal: NodeJS.Signals): void {
    const entry = readEntry(this.#file(name));
    if (entry !== undefined && isAlive(entry)) process.kill(entry.pid, signal);
  }

  /** Ends every process that an earlier start left behind, with its whole process group; answers their names. */
  async reap(): Promise<string[]> {
    const left = readdirSync(this.#folder).flatMap((file) => {
      const entry = readEntry(join(this.#folder, file));
      return entry !== undefined && isAlive(entry) ? [{ name: file.replace(/\.json$/, ""), entry }] : [];
    });
    for (const { entry } of left) signalGroup(entry.pid, entry.stopSignal);
    await waitUntilGone(left, REAP_TERM_MS);
    for (const { entry } of left) if (isAlive(entry)) signalGroup(entry.pid, "SIGKILL");
    await waitUntilGone(left, REAP_KILL_MS);
    for (const file of readdirSync(this.#folder)) rmSync(join(this.#folder, file), { force: true });
    return left.map(({ name }) => name);
  }

  #file(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}

async function waitUntilGone(left: readonly { entry: Entry }[], timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (left.some(({ entry }) => isAlive(entry)) && Date.now() < deadline) await delay(POLL_MS);
}

function readEntry(file: string): Entry | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Entry;
  } catch {
    return undefined;
  }
}

function isAlive(entry: Entry): boolean {
  const startedAt = startTime(entry.pid);
  return startedAt !== undefined && startedAt === entry.startedAt;
}

/** When a process began, in whatever words the system has for it; undefined when there is no such process, or only its zombie. */
export function startTime(pid: number): string | undefined {
  try {
    if (existsSync("/proc/self/stat")) {
      // The second field is the name in parentheses and may hold anything; after it the state is first and the start time 20th.
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return fields[0] === "Z" ? undefined : fields[19];
    }
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Sends a signal to a process group, or to the process alone when it leads none. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}
