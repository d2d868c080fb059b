/**
 * Whoever joins a platform from elsewhere, as the platform knows them: each is the seed of a NATS user among its secrets, and that user in the
 * configuration of NATS, which a running server reads again without losing a connection. The seeds are the truth; the configuration
 * follows them.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type BusIdentity, connectBus } from "@millrace/bus";
import { changeNatsUsers, type NatsUser, natsConfigurationFile } from "../engines/nats-engine.ts";
import { natsAccountsFile } from "../engines/start-engines.ts";
import { unprivilegedHome } from "../paths.ts";
import { ProcessLedger } from "../processes/process-ledger.ts";
import { poll } from "../processes/until.ts";
import { makeNatsUsers, natsSeedFile } from "../secrets/platform-secrets.ts";
import { SecretFiles } from "../secrets/secret-files.ts";
import { isOwnName, type JoiningService, WORD } from "./bundle.ts";

const ACCEPTED_TIMEOUT_MS = 10_000;
const ACCEPTED_POLL_MS = 50;
const SERVICES: readonly JoiningService[] = ["function-runner", "gateway"];
/** What each of them listens to alone, and so is known by. */
const SUBJECT_OF: Readonly<Record<JoiningService, RegExp>> = {
  "function-runner": /^mr\.runner\.([^.]+)$/,
  gateway: /^mr\.gateway\.([^.]+)\.\*$/,
};

export type JoiningIdentity = BusIdentity & { readonly service: JoiningService };

export type Change = {
  /** A server that is not ours: the file with what must be in its configuration. */
  readonly natsAccountsFile?: string | undefined;
};

/** Makes the secret that it joins with; NATS has to be told of it. */
export function makeSeed(files: SecretFiles, identity: JoiningIdentity): string {
  const seedFile = natsSeedFile(files, identity);
  if (existsSync(seedFile))
    throw new Error(
      `there is a ${WORD[identity.service]} ${identity.id} already; delete it first, or choose another name`,
    );
  makeNatsUsers(files, [identity]);
  return readFileSync(seedFile, "utf8");
}

/** Lets one more in, at once: tells NATS of the user whose seed was made, and waits until it is let in there. */
export async function letIn(stateDirectory: string, identity: JoiningIdentity, seed: string): Promise<Change> {
  try {
    const change = applyUsers(stateDirectory, secretsOf(stateDirectory));
    if (change.natsAccountsFile === undefined) await untilAccepted(natsUrlOf(stateDirectory), identity, seed);
    return change;
  } catch (error) {
    shutOut(stateDirectory, identity);
    throw error;
  }
}

/** At once: its connection is closed, and NATS lets nobody in with its bundle any more. */
export function shutOut(stateDirectory: string, identity: JoiningIdentity): Change {
  if (!existsSync(join(stateDirectory, "secrets"))) throw new Error(`there is no platform in ${stateDirectory}`);
  const { service, id } = identity;
  const files = secretsOf(stateDirectory);
  const seedFile = natsSeedFile(files, identity);
  if (isOwnName(service, id) || !existsSync(seedFile))
    throw new Error(`there is no ${WORD[service]} ${id} that may join from elsewhere`);
  rmSync(seedFile);
  return applyUsers(stateDirectory, files);
}

/** Whom NATS must let in beside the platform's own. */
export function joinedUsers(files: SecretFiles): NatsUser[] {
  return SERVICES.flatMap((service) =>
    makeNatsUsers(
      files,
      joinedIds(files, service).map((id) => ({ service, id })),
    ),
  );
}

function joinedIds(files: SecretFiles, service: JoiningService): string[] {
  const [before, after] = natsSeedFile(files, { service, id: "*" })
    .slice(files.folder.length + 1)
    .split("*") as [string, string];
  return readdirSync(files.folder)
    .filter((name) => name.startsWith(before) && name.endsWith(after))
    .map((name) => name.slice(before.length, name.length - after.length))
    .filter((id) => !isOwnName(service, id))
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
  do changed = changeNatsUsers(file, (users) => [...users.filter((user) => !isJoined(user)), ...joinedUsers(files)]);
  while (changed);
  if (!isOurs) return { natsAccountsFile: file };
  ledger.signal("nats", "SIGHUP");
  return {};
}

function isJoined({ permissions }: NatsUser): boolean {
  return SERVICES.some((service) => {
    const ids = permissions?.subscribe.flatMap((subject) => SUBJECT_OF[service].exec(subject)?.[1] ?? []) ?? [];
    return ids.some((id) => !isOwnName(service, id));
  });
}

async function untilAccepted(url: string, identity: JoiningIdentity, seed: string): Promise<void> {
  const accepted = await poll(
    async () => {
      const connection = await connectBus({ url, seed, identity }, { info() {}, warn() {} });
      await connection.close();
      return true;
    },
    { timeoutMs: ACCEPTED_TIMEOUT_MS, intervalMs: ACCEPTED_POLL_MS, giveUp: () => false },
  );
  if (!accepted)
    throw new Error(`NATS at ${url} does not let ${identity.id} in; its log is beside the platform's others`);
}

/** Where the platform that runs there is reached. */
export function addressesOf(stateDirectory: string): { readonly natsUrl: string; readonly authAddress: string } {
  const file = join(stateDirectory, "platform.json");
  if (!existsSync(file)) throw new Error(`no platform is running in ${stateDirectory}; npm start starts one`);
  return JSON.parse(readFileSync(file, "utf8"));
}

const natsUrlOf = (stateDirectory: string): string => addressesOf(stateDirectory).natsUrl;

export function secretsOf(stateDirectory: string): SecretFiles {
  return new SecretFiles(join(stateDirectory, "secrets"));
}
