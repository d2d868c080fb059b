/** `millrace runner join`: one runner in the foreground, for a platform that runs elsewhere. */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { describeError } from "../describe-error.ts";
import { bubblewrapEnvironment, findBubblewrap } from "../engines/find-bubblewrap.ts";
import {
  defaultStateDirectory,
  enginesFolder,
  makeOpenDirectory,
  makePrivateDirectory,
  unprivilegedHome,
} from "../paths.ts";
import { isolationAt } from "../platform/isolation.ts";
import { serviceProcess, stopInOrder } from "../platform/service-processes.ts";
import { takeStateDirectory } from "../platform/single-start.ts";
import type { ProcessHost } from "../processes/managed-process.ts";
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
  /** What functions may reach besides public addresses: `address[/prefix][:port]`, several with commas. */
  readonly egressAllow?: string | undefined;
  /** What the bundle says, seen from here: through a tunnel, for instance. */
  readonly natsUrl?: string | undefined;
  readonly say: (line: string) => void;
};

/** Runs until a signal comes. Rejects when it cannot join, or must leave. */
export async function joinRunner(bundle: RunnerBundle, options: JoinOptions): Promise<void> {
  const { runnerId, natsSeed } = bundle;
  const state = makeOpenDirectory(resolve(options.stateDirectory ?? join(defaultStateDirectory, "joined", runnerId)));
  const giveBack = takeStateDirectory(state);
  const stop = new StopRequest();
  const files = new SecretFiles(join(state, "secrets"));
  const nats = {
    natsUrl: options.natsUrl ?? bundle.natsUrl,
    natsCaFile: bundle.natsCa === undefined ? undefined : files.write("nats-ca.pem", bundle.natsCa),
  };
  const name = new NameWatch({ ...nats, runnerId, natsSeed });
  const host: ProcessHost = { ledger: new ProcessLedger(join(state, "run")), log: options.say, processes: new Set() };
  try {
    for (const left of await host.ledger.reap()) options.say(`${left} was left from an earlier start and is ended`);
    await name.start();
    await startRunner(bundle, { ...options, ...nats, state, files, host, stop });
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
  options.say(`${runnerId} stopped`);
}

type Place = JoinOptions & {
  readonly natsUrl: string;
  readonly natsCaFile: string | undefined;
  readonly state: string;
  readonly files: SecretFiles;
  readonly host: ProcessHost;
  readonly stop: StopRequest;
};

async function startRunner({ runnerId: id, natsSeed, privateKey }: RunnerBundle, place: Place): Promise<void> {
  const { files, state, natsCaFile, host, stop, say } = place;
  const { operations } = await choosePorts(["operations"], {});
  const operationsAddress = `127.0.0.1:${operations}`;
  const home = makeOpenDirectory(unprivilegedHome(state));
  const env = {
    MILLRACE_OPERATIONS_ADDRESS: operationsAddress,
    MILLRACE_NATS_URL: place.natsUrl,
    ...(natsCaFile && { MILLRACE_NATS_CA_FILE: natsCaFile }),
    MILLRACE_NATS_SEED_FILE: files.write("nats.seed", natsSeed),
    MILLRACE_RUNNER_ID: id,
    MILLRACE_RUNNER_SLOTS: String(place.slots),
    MILLRACE_RUNNER_CACHE_DIRECTORY: makeOpenDirectory(join(home, "cache")),
    MILLRACE_RUNNER_PRIVATE_KEY_FILE: files.write("runner-private.pem", privateKey),
    MILLRACE_RUNNER_MINIMUM_TIER: place.minimumTier,
    ...(place.egressAllow && { MILLRACE_RUNNER_EGRESS_ALLOW: place.egressAllow }),
    ...bubblewrapEnvironment(await findBubblewrap({ enginesFolder: enginesFolder(), log: say })),
  };
  const logsFolder = makePrivateDirectory(join(state, "logs"));
  const runner = serviceProcess({ service: "function-runner", id, env, operationsAddress, logsFolder }, host);
  stop.signal.addEventListener("abort", () => void runner.stop(), { once: true });
  stop.signal.throwIfAborted();
  await runner.start();
  const isolation = await isolationAt(operationsAddress).catch((error: unknown) => describeError(error));
  say(`${id} takes calls: ${place.slots} slots, isolation ${isolation}`);
  say(`logs are in ${logsFolder}; Ctrl-C lets it finish what runs, then stops it`);
}
