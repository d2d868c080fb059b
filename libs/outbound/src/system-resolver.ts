import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { type CheckedAddress, readAddress } from "./addresses.ts";
import { OUTBOUND_LIMITS } from "./limits.ts";
import type { Resolve } from "./resolver.ts";

export interface SystemResolverOptions {
  hostsFile?: string;
  /** `address:port` of name servers; those of the machine when absent. */
  servers?: string[];
}

/** What a name server says of a name that has no address of the kind. */
const NONE = ["ENOTFOUND", "ENODATA"];

/**
 * Resolves as the machine does, by its file of hosts and its name servers; names are written in full. Not by getaddrinfo: that has two
 * threads in this process, and a stranger's name server that never answers would keep everybody else's names waiting.
 */
export function systemResolver({ hostsFile = "/etc/hosts", servers }: SystemResolverOptions = {}): Resolve {
  const { queryTimeoutMs: timeout, queryTries: tries } = OUTBOUND_LIMITS;
  const resolver = new Resolver({ timeout, tries });
  if (servers) resolver.setServers(servers);
  const hosts = new HostsFile(hostsFile);
  return async (host, family) => {
    const known = hosts.addressesOf(host);
    if (known.length > 0) return known;
    const asked = [family === 6 ? [] : resolver.resolve4(host), family === 4 ? [] : resolver.resolve6(host)];
    const answers = await Promise.allSettled(asked);
    const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (found.length > 0) return found.flatMap((address) => readAddress(address) ?? []);
    const failed = answers.find(
      (answer) => answer.status === "rejected" && !NONE.includes((answer.reason as NodeJS.ErrnoException).code ?? ""),
    );
    throw Object.assign(new Error("no address was found"), { code: failed ? "EAI_AGAIN" : "ENOTFOUND" });
  };
}

/** `address name name …`, a line for each address. */
class HostsFile {
  readonly #path: string;
  #readAt = Number.NEGATIVE_INFINITY;
  #byName = new Map<string, CheckedAddress[]>();

  constructor(path: string) {
    this.#path = path;
  }

  addressesOf(name: string): CheckedAddress[] {
    if (performance.now() - this.#readAt > OUTBOUND_LIMITS.hostsReadMs) this.#read();
    return this.#byName.get(name) ?? [];
  }

  #read(): void {
    this.#readAt = performance.now();
    this.#byName = new Map();
    for (const line of textOf(this.#path).split("\n")) {
      const [first = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
      const address = readAddress(first);
      if (!address) continue;
      for (const name of names.map((text) => text.toLowerCase())) {
        this.#byName.set(name, [...(this.#byName.get(name) ?? []), address]);
      }
    }
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
