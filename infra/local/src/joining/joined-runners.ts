/**
 * The runners that join a platform from elsewhere, as the platform knows them: each is the seed of a NATS user among its secrets, and that
 * user in the configuration of NATS, which a running server reads again without losing a connection. The seeds are the truth; the
 * configuration follows them.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type BusIdentity, connectBus } from "@millrace/bus";
import { changeNatsUsers, type NatsUser, natsConfigurationFile } from "../engines/nats-engine.ts";
import { natsAccountsFile } from "../engines/start-engines.ts";
import { unprivilegedHome } from "../paths.ts";
import { ProcessLedger } from "../processes/process-ledger.ts";
import { poll } from "../processes/until.ts";
import { makeNatsUsers, natsSeedFile, runnerPrivateKey } from "../secrets/platform-secrets.ts";
import { SecretFiles } from "../secrets/secret-files.ts";
import { assertRunnerId, isOwnRunner, type RunnerBundle } from "./runner-bundle.ts";

const ACCEPTED_TIMEOUT_MS = 10_000;
const ACCEPTED_POLL_MS = 50;
const SUBJECT_OF_RUNNER = /^mr\.runner\.(.+)$/;

const identityOf = (id: string): BusIdentity => ({ service: "function-runner", id });

export type CreateOptions = {
  /** Where the runner finds NATS, when that is not where the platform itself does. */
  readonly natsUrl?: string;
  readonly natsCa?: string | undefined;
};

export type Change = {
  /** A server that is not ours: the file with what must be in its configuration. */
  readonly natsAccountsFile?: string | undefined;
};

/** Lets one more runner in, at once. Its bundle is answered this once. */
export async function createRunner(
  stateDirectory: string,
  id: string,
  options: CreateOptions = {},
): Promise<Change & { readonly bundle: RunnerBundle }> {
  assertRunnerId(id);
  const ownUrl = natsUrlOf(stateDirectory);
  const files = secretsOf(stateDirectory);
  const bundle = makeBundle(files, id, { natsUrl: ownUrl, ...options });
  try {
    const change = applyUsers(stateDirectory, files);
    if (change.natsAccountsFile === undefined) await untilAccepted(ownUrl, bundle);
    return { ...change, bundle };
  } catch (error) {
    deleteRunner(stateDirectory, id);
    throw error;
  }
}

/** Makes the runner's secrets; NATS has to be told of them. */
export function makeBundle(
  files: SecretFiles,
  runnerId: string,
  { natsUrl, natsCa }: { readonly natsUrl: string; readonly natsCa?: string | undefined },
): RunnerBundle {
  assertRunnerId(runnerId);
  const seedFile = natsSeedFile(files, identityOf(runnerId));
  if (existsSync(seedFile))
    throw new Error(`there is a runner ${runnerId} already; delete it first, or choose another name`);
  makeNatsUsers(files, [identityOf(runnerId)]);
  const natsSeed = readFileSync(seedFile, "utf8");
  return { version: 1, runnerId, natsUrl, ...(natsCa && { natsCa }), natsSeed, privateKey: runnerPrivateKey(files) };
}

/** Shuts a runner out, at once: its connection is closed, and its bundle opens nothing any more. */
export function deleteRunner(stateDirectory: string, id: string): Change {
  if (!existsSync(join(stateDirectory, "secrets"))) throw new Error(`there is no platform in ${stateDirectory}`);
  const files = secretsOf(stateDirectory);
  const seedFile = natsSeedFile(files, identityOf(id));
  if (isOwnRunner(id) || !existsSync(seedFile))
    throw new Error(`there is no runner ${id} that may join from elsewhere`);
  rmSync(seedFile);
  return applyUsers(stateDirectory, files);
}

/** Whom NATS must let in beside the platform's own. */
export function joinedRunnerUsers(files: SecretFiles): NatsUser[] {
  return makeNatsUsers(files, joinedRunnerIds(files).map(identityOf));
}

function joinedRunnerIds(files: SecretFiles): string[] {
  const [before, after] = natsSeedFile(files, identityOf("*"))
    .slice(files.folder.length + 1)
    .split("*") as [string, string];
  return readdirSync(files.folder)
    .filter((name) => name.startsWith(before) && name.endsWith(after))
    .map((name) => name.slice(before.length, name.length - after.length))
    .filter((id) => !isOwnRunner(id))
    .sort();
}

/** Makes the configuration say what the seeds say, also when others change them meanwhile. */
function applyUsers(stateDirectory: string, files: SecretFiles): Change {
  const home = unprivilegedHome(stateDirectory);
  const ledger = new ProcessLedger(join(stateDirectory, "run"));
  const isOurs = ledger.has("nats");
  const file = isOurs ? natsConfigurationFile(home) : natsAccountsFile(home);
  // The next start writes what is not there.
  if (!existsSync(file)) return {};
  let changed: boolean;
  do
    changed = changeNatsUsers(file, (users) => [
      ...users.filter((user) => !isJoined(user)),
      ...joinedRunnerUsers(files),
    ]);
  while (changed);
  if (!isOurs) return { natsAccountsFile: file };
  ledger.signal("nats", "SIGHUP");
  return {};
}

function isJoined({ permissions }: NatsUser): boolean {
  const ids = permissions?.subscribe.flatMap((subject) => SUBJECT_OF_RUNNER.exec(subject)?.[1] ?? []) ?? [];
  return ids.some((id) => !isOwnRunner(id));
}

async function untilAccepted(url: string, { runnerId: id, natsSeed: seed }: RunnerBundle): Promise<void> {
  const accepted = await poll(
    async () => {
      const connection = await connectBus({ url, seed, identity: identityOf(id) }, { info() {}, warn() {} });
      await connection.close();
      return true;
    },
    { timeoutMs: ACCEPTED_TIMEOUT_MS, intervalMs: ACCEPTED_POLL_MS, giveUp: () => false },
  );
  if (!accepted) throw new Error(`NATS at ${url} does not let ${id} in; its log is beside the platform's others`);
}

function natsUrlOf(stateDirectory: string): string {
  const file = join(stateDirectory, "platform.json");
  if (!existsSync(file)) throw new Error(`no platform is running in ${stateDirectory}; npm start starts one`);
  return (JSON.parse(readFileSync(file, "utf8")) as { natsUrl: string }).natsUrl;
}

function secretsOf(stateDirectory: string): SecretFiles {
  return new SecretFiles(join(stateDirectory, "secrets"));
}
