/** What every process that joins a platform does: it takes its name, runs one service in the foreground, and leaves nothing behind. */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { defaultStateDirectory, makeOpenDirectory } from "../paths.ts";
import { stopInOrder } from "../platform/service-processes.ts";
import { takeStateDirectory } from "../platform/single-start.ts";
import type { ManagedProcess, ProcessHost } from "../processes/managed-process.ts";
import { ProcessLedger } from "../processes/process-ledger.ts";
import { SecretFiles } from "../secrets/secret-files.ts";
import { StopRequest } from "../stop-request.ts";
import type { JoiningIdentity } from "./joined-users.ts";
import { NameWatch } from "./name-watch.ts";

export type Joining = {
  readonly identity: JoiningIdentity;
  readonly natsUrl: string;
  readonly natsCa?: string | undefined;
  readonly natsSeed: string;
  readonly stateDirectory?: string | undefined;
  readonly say: (line: string) => void;
};

/** Where it runs. Secrets are files that are gone when it stops. */
export type Place = {
  readonly state: string;
  readonly files: SecretFiles;
  readonly host: ProcessHost;
  /** What every service is told of NATS. */
  readonly natsEnvironment: Readonly<Record<string, string>>;
};

/** Runs until a signal comes. Rejects when it cannot join, or must leave. `prepare` answers the service, and what is said once it runs. */
export async function stayJoined(
  { identity, natsUrl, natsCa, natsSeed, stateDirectory, say }: Joining,
  prepare: (place: Place) => Promise<{ process: ManagedProcess; welcome: () => Promise<void> }>,
): Promise<void> {
  const folder = join("joined", identity.service === "gateway" ? `gateway-${identity.id}` : identity.id);
  const state = makeOpenDirectory(resolve(stateDirectory ?? join(defaultStateDirectory, folder)));
  const giveBack = takeStateDirectory(state);
  const stop = new StopRequest();
  const files = new SecretFiles(join(state, "secrets"));
  const natsCaFile = natsCa === undefined ? undefined : files.write("nats-ca.pem", natsCa);
  const name = new NameWatch({ identity, natsUrl, natsCaFile, natsSeed });
  const host: ProcessHost = { ledger: new ProcessLedger(join(state, "run")), log: say, processes: new Set() };
  const natsEnvironment = {
    MILLRACE_NATS_URL: natsUrl,
    ...(natsCaFile && { MILLRACE_NATS_CA_FILE: natsCaFile }),
    MILLRACE_NATS_SEED_FILE: files.write("nats.seed", natsSeed),
  };
  try {
    for (const left of await host.ledger.reap()) say(`${left} was left from an earlier start and is ended`);
    await name.start();
    const { process, welcome } = await prepare({ state, files, host, natsEnvironment });
    stop.signal.addEventListener("abort", () => void process.stop(), { once: true });
    stop.signal.throwIfAborted();
    await process.start();
    await welcome();
    await Promise.race([stop.requested, name.lost]);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await stopInOrder(host.processes);
    await name.close();
    rmSync(files.folder, { recursive: true, force: true });
    giveBack();
    stop.close();
  }
  say(`${identity.id} stopped`);
}
