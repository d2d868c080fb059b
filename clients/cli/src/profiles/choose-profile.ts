import { PlatformError } from "@millrace/errors";
import type { Terminal } from "../terminal.ts";
import { namedPlatformFile, nearbyPlatformFile, operatorProfile, refuseStopped } from "./platform-file.ts";
import type { PlatformAddresses, Profile } from "./profile.ts";
import { DEFAULT_PROFILE, ProfileStore } from "./profile-store.ts";

/**
 * Which platform, and as whom:
 * 1. the profile that is asked for by name;
 * 2. the platform that MILLRACE_PLATFORM_FILE names, as whom one has signed in there, else as its operator;
 * 3. the profile `default`;
 * 4. the platform that runs from this folder or one above, as its operator.
 */
export function chooseProfile(terminal: Terminal, asked: string | undefined): Profile {
  const found = findProfile(terminal, asked);
  if (found) return found;
  refuseStopped(terminal);
  throw new PlatformError(
    "unauthenticated",
    "You are not signed in; run millrace login, or start a platform in this folder.",
    {
      reason: "credential_missing",
    },
  );
}

/** Where to sign in. */
export function chooseAddresses(terminal: Terminal, asked: string | undefined): PlatformAddresses | undefined {
  const named = namedPlatformFile(terminal);
  const known = named ?? new ProfileStore(terminal).get(asked ?? DEFAULT_PROFILE) ?? nearbyPlatformFile(terminal);
  if (!known) return undefined;
  const { controlPlaneAddress, authAddress, gatewayUrl, consoleUrl, caFile } = known;
  return {
    controlPlaneAddress,
    authAddress,
    ...(gatewayUrl && { gatewayUrl }),
    ...(consoleUrl && { consoleUrl }),
    ...(caFile && { caFile }),
  };
}

function findProfile(terminal: Terminal, asked: string | undefined): Profile | undefined {
  const store = new ProfileStore(terminal);
  if (asked !== undefined) return store.get(asked) ?? unknownProfile(asked);
  const saved = store.get(DEFAULT_PROFILE);
  const named = namedPlatformFile(terminal);
  if (named) return saved?.authAddress === named.authAddress ? saved : operatorProfile(named);
  if (saved) return saved;
  const nearby = nearbyPlatformFile(terminal);
  return nearby && operatorProfile(nearby);
}

function unknownProfile(name: string): never {
  throw new PlatformError("not_found", `There is no profile ${name}; millrace login --use-profile ${name} makes it.`, {
    reason: "profile_not_found",
  });
}
