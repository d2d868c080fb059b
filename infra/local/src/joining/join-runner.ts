/** `millrace runner join`: one runner in the foreground, for a platform that runs elsewhere. */
import { join } from "node:path";
import { describeError } from "../describe-error.ts";
import { bubblewrapEnvironment, findBubblewrap } from "../engines/find-bubblewrap.ts";
import { enginesFolder, makeOpenDirectory, makePrivateDirectory, unprivilegedHome } from "../paths.ts";
import { isolationAt } from "../platform/isolation.ts";
import { serviceProcess } from "../platform/service-processes.ts";
import { telemetryIn } from "../platform/service-table.ts";
import { choosePorts } from "../processes/ports.ts";
import type { RunnerBundle } from "./runner-bundle.ts";
import { type Place, stayJoined } from "./stay-joined.ts";

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
export function joinRunner(bundle: RunnerBundle, options: JoinOptions): Promise<void> {
  const identity = { service: "function-runner", id: bundle.runnerId } as const;
  const joining = { ...bundle, ...options, identity, natsUrl: options.natsUrl ?? bundle.natsUrl };
  return stayJoined(joining, (place) => prepareRunner(bundle, options, place));
}

async function prepareRunner({ runnerId: id, privateKey }: RunnerBundle, options: JoinOptions, place: Place) {
  const { files, state, host, natsEnvironment } = place;
  const { slots, minimumTier, egressAllow, say } = options;
  const { operations } = await choosePorts(["operations"], {});
  const operationsAddress = `127.0.0.1:${operations}`;
  const home = makeOpenDirectory(unprivilegedHome(state));
  const env = {
    ...telemetryIn(globalThis.process.env),
    ...natsEnvironment,
    MILLRACE_OPERATIONS_ADDRESS: operationsAddress,
    MILLRACE_RUNNER_ID: id,
    MILLRACE_RUNNER_SLOTS: String(slots),
    MILLRACE_RUNNER_CACHE_DIRECTORY: makeOpenDirectory(join(home, "cache")),
    MILLRACE_RUNNER_PRIVATE_KEY_FILE: files.write("runner-private.pem", privateKey),
    MILLRACE_RUNNER_MINIMUM_TIER: minimumTier,
    ...(egressAllow && { MILLRACE_RUNNER_EGRESS_ALLOW: egressAllow }),
    ...bubblewrapEnvironment(await findBubblewrap({ enginesFolder: enginesFolder(), log: say })),
  };
  const logsFolder = makePrivateDirectory(join(state, "logs"));
  const process = serviceProcess({ service: "function-runner", id, env, operationsAddress, logsFolder }, host);
  const welcome = async () => {
    const isolation = await isolationAt(operationsAddress).catch((error: unknown) => describeError(error));
    say(`${id} takes calls: ${slots} slots, isolation ${isolation}`);
    say(`logs are in ${logsFolder}; Ctrl-C lets it finish what runs, then stops it`);
  };
  return { process, welcome };
}
