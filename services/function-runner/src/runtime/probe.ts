// A function that tries what no function may, whatever the tier: the fence of its thread. The runner runs it once, at its start.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";

export interface ProbeReport {
  environment: string[];
  /** Names of what succeeded. */
  broken: string[];
}

const ATTEMPTS: Record<string, () => void> = {
  "reads files of the machine": () => readFileSync("/etc/hostname"),
  "reads the environment of its process": () => readFileSync("/proc/self/environ"),
  "writes into its code": () => writeFileSync(new URL("./written", import.meta.url), ""),
  "starts processes": () => execFileSync(process.execPath, ["--version"]),
  "starts threads without restrictions": () => new Worker("", { eval: true, execArgv: [] }),
  "reaches the internals of Node": () =>
    process.getBuiltinModule("module").createRequire("/")("internal/bootstrap/realm"),
};

function succeeds(attempt: () => void): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

export default {
  fetch(): Response {
    const broken = Object.entries(ATTEMPTS).flatMap(([name, attempt]) => (succeeds(attempt) ? [name] : []));
    const environment = Object.keys(process.env).filter((name) => name !== "TMPDIR");
    return Response.json({ environment, broken } satisfies ProbeReport);
  },
};
