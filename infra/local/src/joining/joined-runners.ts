/** Runners that join a platform from elsewhere, let in and shut out on the platform's own machine. */
import { runnerPrivateKey } from "../secrets/platform-secrets.ts";
import type { SecretFiles } from "../secrets/secret-files.ts";
import { addressesOf, type Change, type JoiningIdentity, letIn, makeSeed, secretsOf, shutOut } from "./joined-users.ts";
import { assertRunnerId, type RunnerBundle } from "./runner-bundle.ts";

const identityOf = (id: string): JoiningIdentity => ({ service: "function-runner", id });

export type CreateOptions = {
  /** Where the runner finds NATS, when that is not where the platform itself does. */
  readonly natsUrl?: string | undefined;
  readonly natsCa?: string | undefined;
};

/** Lets one more runner in, at once. Its bundle is answered this once. */
export async function createRunner(
  stateDirectory: string,
  id: string,
  { natsUrl = undefined, natsCa }: CreateOptions = {},
): Promise<Change & { readonly bundle: RunnerBundle }> {
  assertRunnerId(id);
  const own = addressesOf(stateDirectory);
  const bundle = makeBundle(secretsOf(stateDirectory), id, { natsUrl: natsUrl ?? own.natsUrl, natsCa });
  return { ...(await letIn(stateDirectory, identityOf(id), bundle.natsSeed)), bundle };
}

/** Makes the runner's secrets; NATS has to be told of them. */
export function makeBundle(
  files: SecretFiles,
  runnerId: string,
  { natsUrl, natsCa }: { readonly natsUrl: string; readonly natsCa?: string | undefined },
): RunnerBundle {
  assertRunnerId(runnerId);
  const natsSeed = makeSeed(files, identityOf(runnerId));
  return { version: 1, runnerId, natsUrl, ...(natsCa && { natsCa }), natsSeed, privateKey: runnerPrivateKey(files) };
}

/** Shuts a runner out, at once. */
export const deleteRunner = (stateDirectory: string, id: string): Change => shutOut(stateDirectory, identityOf(id));
