// Name lookups of a function in a network namespace without name servers: `dns.lookup` asks the supervisor; what would speak to name servers
// itself fails at once, and says why.
import dns, { type LookupAddress, type LookupOptions } from "node:dns";
import promises from "node:dns/promises";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { promisify } from "node:util";
import { type Failed, familyOf } from "../egress/wire.ts";
import { askForAddresses } from "./egress-ask.ts";
import { isLoopback } from "./egress-connect.ts";
import { lookupError } from "./egress-errors.ts";

type Answered = (error: Error | null, address?: unknown, family?: number) => void;

/** Replaces lookups for the whole thread. */
export function relayLookups(relaySocket: string): void {
  const systemLookup = dns.lookup as (...args: unknown[]) => void;

  async function find(hostname: string, options: LookupOptions): Promise<LookupAddress[]> {
    const family = familyOf(options.family);
    const request = { host: hostname, family };
    const found = await (isLoopback(hostname)
      ? loopback(family)
      : askForAddresses(relaySocket, request)
          .answer.then(({ addresses }) => addresses)
          .catch((failed: Failed) => Promise.reject(lookupError(failed, hostname))));
    return ordered(found, options.order);
  }

  const lookup = function lookup(hostname: unknown, ...rest: unknown[]): void {
    const callback = rest.at(-1);
    const options = optionsOf(rest[0]);
    // Node answers addresses by itself, and complains of wrong arguments.
    if (typeof hostname !== "string" || hostname === "" || net.isIP(hostname) !== 0 || typeof callback !== "function") {
      systemLookup.call(dns, hostname, ...rest);
      return;
    }
    const answer = callback as Answered;
    find(hostname, options).then(
      (found) =>
        process.nextTick(() => (options.all ? answer(null, found) : answer(null, found[0]!.address, found[0]!.family))),
      (error: Error) => process.nextTick(() => answer(error)),
    );
  };
  const lookupAsync = async (hostname: unknown, given?: unknown) => {
    const options = optionsOf(given);
    if (typeof hostname !== "string" || hostname === "" || net.isIP(hostname) !== 0) {
      return systemLookupAsync(hostname as string, given as LookupOptions);
    }
    const found = await find(hostname, options);
    return options.all ? found : found[0];
  };
  const systemLookupAsync = promises.lookup;
  Object.defineProperty(lookup, promisify.custom, { value: lookupAsync });
  dns.lookup = lookup as typeof dns.lookup;
  promises.lookup = lookupAsync as typeof promises.lookup;
  refuseResolving();
  syncBuiltinESMExports();
}

function optionsOf(given: unknown): LookupOptions {
  if (typeof given === "number") return { family: given };
  return typeof given === "object" && given !== null ? (given as LookupOptions) : {};
}

function loopback(family: 0 | 4 | 6): LookupAddress[] {
  const both: LookupAddress[] = [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ];
  return family === 0 ? both : both.filter((address) => address.family === family);
}

function ordered(addresses: LookupAddress[], order: LookupOptions["order"]): LookupAddress[] {
  if (order !== "ipv4first" && order !== "ipv6first") return addresses;
  const first = order === "ipv4first" ? 4 : 6;
  return addresses.toSorted((a, b) => Number(b.family === first) - Number(a.family === first));
}

/** `resolve…` and `reverse`, of the module and of resolvers. */
function refuseResolving(): void {
  const refusal = (name: string, hostname: unknown) =>
    Object.assign(
      new Error(`${name} ECONNREFUSED ${String(hostname)}: functions ask no name servers; use dns.lookup`),
      {
        code: "ECONNREFUSED",
        syscall: name,
        hostname,
      },
    );
  const isResolving = (name: string) => /^(resolve|reverse)/.test(name);
  for (const holder of [dns, dns.Resolver.prototype] as unknown as Record<string, unknown>[]) {
    for (const name of Object.getOwnPropertyNames(holder).filter(isResolving)) {
      holder[name] = (hostname: unknown, ...rest: unknown[]) => {
        const callback = rest.at(-1);
        if (typeof callback !== "function") throw refusal(name, hostname);
        process.nextTick(() => (callback as Answered)(refusal(name, hostname)));
      };
    }
  }
  for (const holder of [promises, promises.Resolver.prototype] as unknown as Record<string, unknown>[]) {
    for (const name of Object.getOwnPropertyNames(holder).filter(isResolving)) {
      holder[name] = async (hostname: unknown) => Promise.reject(refusal(name, hostname));
    }
  }
}
