/** At most one platform per state directory: a file that names the process which runs it. */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTime } from "../processes/process-ledger.ts";

export class AlreadyRunningError extends Error {
  readonly pid: number;

  constructor(pid: number, stateDirectory: string) {
    super(`Millrace is already running here as process ${pid} (${stateDirectory}); stop it first, or use it as it is.`);
    this.pid = pid;
  }
}

/** Takes the directory for this process and answers how to give it back. */
export function takeStateDirectory(stateDirectory: string): () => void {
  const file = join(stateDirectory, "running.json");
  const prepared = `${file}.${process.pid}`;
  writeFileSync(prepared, JSON.stringify({ pid: process.pid, startedAt: startTime(process.pid) }), { mode: 0o600 });
  try {
    while (!appears(prepared, file)) {
      const pid = runningPid(file);
      if (pid !== undefined) throw new AlreadyRunningError(pid, stateDirectory);
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(prepared);
  }
  return () => rmSync(file, { force: true });
}

/** Gives the file its name unless another has it; it appears with its content, never empty. */
function appears(prepared: string, file: string): boolean {
  try {
    linkSync(prepared, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

function runningPid(file: string): number | undefined {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(file, "utf8")) as { pid: number; startedAt: string };
    return startTime(pid) === startedAt ? pid : undefined;
  } catch {
    return undefined;
  }
}
