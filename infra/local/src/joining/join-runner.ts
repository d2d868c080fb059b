/** `millrace runner join`: one runner in the foreground, for a platform that runs elsewhere. */
import { join, resolve } from "node:path";
import { describeError } from "../describe-error.ts";
import { defaultStateDirectory, makeOpenDirectory, makePrivateDirectory, unprivilegedHome } from "../paths.ts";
import { isolationAt } from "../platform/isolation.ts";
import { serviceProcess } from "../platform/service-processes.ts";
import { takeStateDirectory } from "../platform/single-start.ts";
import type { ManagedProcess, ProcessHost } from "../processes/managed-process.ts";
import { choosePorts } from "../processes/ports.ts";
import { ProcessLedger } from "../processes/process-ledger.ts";
import { SecretFiles } from "../secrets/secret-files.ts";
import { StopRequest } from "../stop-request.ts";
import { NameWatch } from "./name-watch.ts";
import type { RunnerBundle } from "./runner-bundle.ts";

export type JoinOptions = {
  /** Where it keeps its secrets, logs and artifacts; by default in `.millrace` of this clone. */
  readonly stateDirectory?: string | undefined;
  readonly slots: number;
  readonly minimumTier: string;
  /** What the bundle says, seen from here: through a tunnel, for instance. */
  readonly natsUrl?: string | undefined;
  readonly say: (line: string) => void;
};

/** Runs until a signal comes. Rejects when it cannot join, or must leave. */
export async function joinRunner(bundle: RunnerBundle, options: JoinOptions): Promise<void> {
  const { runnerId, natsSeed } = bundle;
  const stop = new StopRequest();
  const state = makeOpenDirectory(resolve(options.stateDirectory ?? join(defaultStateDirectory, "joined", runnerId)));
  const giveBack = takeStateDirectory(state);
  const files = new SecretFiles(join(state, "secrets"));
  const natsUrl = options.natsUrl ?? bundle.natsUrl;
  const natsCaFile = bundle.natsCa === undefined ? undefined : files.write("nats-ca.pem", bundle.natsCa);
  const name = new NameWatch({ runnerId, natsUrl, natsCaFile, natsSeed });
  const host: ProcessHost = {
    ledger: new ProcessLedger(join(state, "run")),
    log: options.say,
    processes: new Set(),
  };
  let runner: ManagedProcess | undefined;
  try {
    for (const left of await host.ledger.reap()) options.say(`${left} was left from an earlier start and is ended`);
    await name.start();
    const { operations } = await choosePorts(["operations"], {});
    const operationsAddress = `127.0.0.1:${operations}`;
    const home = unprivilegedHome(state);
    const env = {
      MILLRACE_OPERATIONS_ADDRESS: operationsAddress,
      MILLRACE_NATS_URL: natsUrl,
      ...(natsCaFile && { MILLRACE_NATS_CA_FILE: natsCaFile }),
      MILLRACE_NATS_SEED_FILE: files.write("nats.seed", natsSeed),
      MILLRACE_RUNNER_ID: runnerId,
      MILLRACE_RUNNER_SLOTS: String(options.slots),
      MILLRACE_RUNNER_CACHE_DIRECTORY: makeOpenDirectory(join(makeOpenDirectory(home), "cache")),
      MILLRACE_RUNNER_PRIVATE_KEY_FILE: files.write("runner-private.pem", bundle.privateKey),
      MILLRACE_RUNNER_MINIMUM_TIER: options.minimumTier,
    };
    const logsFolder = makePrivateDirectory(join(state, "logs"));
    runner = serviceProcess({ service: "function-runner", id: runnerId, env, operationsAddress, logsFolder }, host);
    const giveUp = () => void runner?.stop();
    stop.signal.addEventListener("abort", giveUp);
    await runner.start();
    const isolation = await isolationAt(operationsAddress).catch((error: unknown) => describeError(error));
    options.say(`${runnerId} takes calls: ${options.slots} slots, isolation ${isolation}`);
    options.say(`logs are in ${logsFolder}; Ctrl-C lets it finish what runs, then stops it`);
    await Promise.race([stop.requested, name.lost]);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await runner?.stop();
    await name.close();
    giveBack();
    stop.close();
  }
  options.say(`${runnerId} stopped`);
}
