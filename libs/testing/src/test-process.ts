/** An engine process that belongs to one test: own folder, ended and removed when the test is done. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagedProcess, ProcessLedger, type ProcessSpec } from "@millrace/local";
import type { Owner } from "./test-engines.ts";

export async function startTestProcess(
  owner: Owner,
  describe: (folder: string) => Promise<ProcessSpec>,
): Promise<ManagedProcess> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
  const host = { ledger: new ProcessLedger(join(folder, "run")), log: () => {}, processes: new Set<ManagedProcess>() };
  const managed = new ManagedProcess(await describe(folder), host);
  owner.after(async () => {
    await managed.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await managed.start();
  return managed;
}

/** What the process has printed so far. */
export const outputOf = (managed: ManagedProcess): string => readFileSync(managed.logFile, "utf8");
