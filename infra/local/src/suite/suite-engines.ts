/** The engines of one run of the suite: one PostgreSQL that all tests share, and the programs that tests start NATS and Redis from. */
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBubblewrap } from "../engines/find-bubblewrap.ts";
import { findProgram } from "../engines/find-program.ts";
import { postgresProcess, postgresUrl } from "../engines/postgres-engine.ts";
import { prepareData } from "../engines/start-engines.ts";
import { defaultStateDirectory, enginesFolder, makePrivateDirectory, unprivilegedHome } from "../paths.ts";
import { ManagedProcess } from "../processes/managed-process.ts";
import { choosePorts } from "../processes/ports.ts";
import { ProcessLedger, startTime } from "../processes/process-ledger.ts";
import { randomPassword } from "../secrets/secret-files.ts";

export type SuiteEngines = {
  /** A file for libs/testing that says where the engines are. */
  readonly file: string;
  stop(): Promise<void>;
};

export async function startSuiteEngines(log: (line: string) => void): Promise<SuiteEngines> {
  const suites = join(unprivilegedHome(defaultStateDirectory), "suite");
  await removeAbandoned(suites);
  const home = join(suites, String(process.pid));
  const search = { enginesFolder: enginesFolder(), log };
  const user = prepareData(home);
  const [nats, redis, program, bubblewrap, ports] = await Promise.all([
    findProgram("nats", search),
    findProgram("redis", search),
    findProgram("postgres", search),
    findBubblewrap(search),
    choosePorts(["postgres"], {}),
  ]);
  const shape = {
    name: "postgres",
    program,
    folder: join(home, "data/postgres"),
    port: ports.postgres!,
    password: randomPassword(),
    user,
    logFile: join(makePrivateDirectory(join(home, "logs")), "postgres.log"),
    ephemeral: true,
  };
  const host = { ledger: new ProcessLedger(join(home, "run")), log, processes: new Set<ManagedProcess>() };
  const postgres = new ManagedProcess(await postgresProcess(shape), host);
  await postgres.start();
  const file = join(home, "engines.json");
  const engines = { postgresUrl: postgresUrl(shape), programs: { nats, redis }, bubblewrap };
  writeFileSync(file, JSON.stringify(engines), { mode: 0o600 });
  return {
    file,
    stop: async () => {
      await postgres.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** What a suite that was killed has left. Folders are named after the process that made them. */
async function removeAbandoned(suites: string): Promise<void> {
  for (const name of existsSync(suites) ? readdirSync(suites) : []) {
    if (startTime(Number(name)) !== undefined) continue;
    await new ProcessLedger(join(suites, name, "run")).reap();
    rmSync(join(suites, name), { recursive: true, force: true });
  }
}
