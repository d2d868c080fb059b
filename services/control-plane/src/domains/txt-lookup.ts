import { Resolver } from "node:dns/promises";
import { PlatformError } from "@millrace/errors";
import { LIMITS } from "../limits.ts";
import { Places } from "../requests/places.ts";

/**
 * The TXT records of a name, for a project; none where there is no such name. Throws `unavailable` name_servers_unavailable and
 * `resource_exhausted` verifications_busy.
 */
export type TxtLookup = (name: string, project: string) => Promise<string[]>;

/** Asks the name servers of `servers` (`address[:port]`), or the machine's own where none are given. */
export function txtLookup(servers: readonly string[]): TxtLookup {
  const places = new Places(LIMITS.domain.lookups);
  return async (name, project) => {
    const leave = places.enter(project);
    if (!leave) throw busy();
    try {
      return await lookUp(name, servers);
    } finally {
      leave();
    }
  };
}

async function lookUp(name: string, servers: readonly string[]): Promise<string[]> {
  const { lookupTimeoutMs, lookupTries } = LIMITS.domain;
  const resolver = new Resolver({ timeout: lookupTimeoutMs / lookupTries, tries: lookupTries });
  if (servers.length > 0) resolver.setServers(servers);
  const timer = setTimeout(() => resolver.cancel(), lookupTimeoutMs);
  try {
    return (await resolver.resolveTxt(name)).map((pieces) => pieces.join(""));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (code === "ENOTFOUND" || code === "ENODATA") return [];
    const message = `The name servers do not say what ${name} holds (${code}); try again in a moment.`;
    throw new PlatformError("unavailable", message, { reason: "name_servers_unavailable", cause });
  } finally {
    clearTimeout(timer);
  }
}

function busy(): PlatformError {
  const message = "Other hosts are being verified, as many as may be at a time; try again in a moment.";
  return new PlatformError("resource_exhausted", message, { reason: "verifications_busy" });
}
