/** The services of a platform as supervised processes. */
import { join } from "node:path";
import { repositoryRoot } from "../paths.ts";
import { ManagedProcess, type ProcessHost } from "../processes/managed-process.ts";
import type { ServiceInstance } from "./service-table.ts";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 35_000;
const READY_TIMEOUT_MS = 1_000;
const STOP_ORDER = [["gateway", "console"], ["runner"], ["auth", "control-plane"], [""]];

export type ServiceRun = ServiceInstance & {
  readonly env: Readonly<Record<string, string>>;
  /** `host:port` */
  readonly operationsAddress: string;
  readonly logsFolder: string;
};

export function serviceProcess(run: ServiceRun, host: ProcessHost): ManagedProcess {
  const main = join(repositoryRoot, "services", run.service, "src/main.ts");
  const readyUrl = `http://${run.operationsAddress}/readyz`;
  return new ManagedProcess(
    {
      name: run.id,
      argv: () => [process.execPath, main],
      env: run.env,
      cwd: repositoryRoot,
      logFile: join(run.logsFolder, `${run.id}.log`),
      probe: async () => (await fetch(readyUrl, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) })).ok,
      startTimeoutMs: START_TIMEOUT_MS,
      startAttemptsMax: 3,
      stopSignal: "SIGTERM",
      // Nobody is left to see how an orphan drains, or to end one whose drain hangs because its engines are gone as well.
      orphanSignal: "SIGKILL",
      stopTimeoutMs: STOP_TIMEOUT_MS,
    },
    host,
  );
}

/** control-plane makes the buckets that the others open, so it comes first; the others start side by side. */
export async function startServices(processes: readonly ManagedProcess[], signal?: AbortSignal): Promise<void> {
  const [controlPlane, ...others] = processes;
  await controlPlane?.start();
  signal?.throwIfAborted();
  const started = await Promise.allSettled(others.map((process) => process.start()));
  const failures = started.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
  if (failures.length > 0) throw new AggregateError(failures, "not every service did start:");
}

/** Edges first, then the runners, which finish what was under way, then what both depend on, engines last. */
export async function stopInOrder(processes: Iterable<ManagedProcess>): Promise<void> {
  const left = new Set(processes);
  for (const prefixes of STOP_ORDER) {
    const wave = [...left].filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)));
    await Promise.all(wave.map((process) => process.stop()));
    for (const process of wave) left.delete(process);
  }
}
