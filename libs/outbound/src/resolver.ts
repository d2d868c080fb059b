import { isIP } from "node:net";
import { type CheckedAddress, readAddress } from "./addresses.ts";
import { OUTBOUND_LIMITS } from "./limits.ts";

/** Finds all addresses of a name. Rejects with a code: EAI_AGAIN when it may be found later, anything else when it is not there. */
export type Resolve = (host: string, family: 0 | 4 | 6) => Promise<CheckedAddress[]>;

export const LOOPBACK = ["127.0.0.1", "::1"].map((address) => readAddress(address)!);

/** Names of the own machine, whatever a resolver says (RFC 6761). */
export function isLocalName(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost");
}

/** An error with the code that whoever connects gets. */
export class OutboundFault extends Error {
  readonly code: string;
  /** That was tried; empty when none was. */
  readonly address: string;

  constructor(code: string, message: string, address = "") {
    super(message);
    this.code = code;
    this.address = address;
  }
}

/** Says nothing of the name: its asker is looking up too many others. */
export class TooManyLookups extends OutboundFault {
  constructor() {
    super("EAI_AGAIN", "too many names are being looked up");
  }
}

/** The names that one tenant is resolving, so that nobody's resolving is in the way of others'. */
export class Lookups {
  open = 0;
}

/**
 * Resolves hosts in canonical form, each once at a time, and remembers an answer for a moment. Whoever connects checks the addresses
 * every time anew.
 */
export class Resolver {
  readonly #resolve: Resolve;
  readonly #asked = new Map<string, Promise<CheckedAddress[]>>();

  constructor(resolve: Resolve) {
    this.#resolve = resolve;
  }

  /** Never empty. Throws OutboundFault: ENOTFOUND, EAI_AGAIN; ECANCELED when the signal aborts. */
  async addressesOf(
    host: string,
    family: 0 | 4 | 6,
    { lookups, signal }: { lookups: Lookups; signal: AbortSignal },
  ): Promise<CheckedAddress[]> {
    const literal = isIP(host) === 0 ? undefined : readAddress(host);
    const found = literal
      ? [literal]
      : isLocalName(host)
        ? LOOPBACK
        : await this.#inTime(
            this.#ask(`${host} ${family}`, () => this.#resolve(host, family), lookups),
            signal,
          );
    const addresses = family === 0 ? found : found.filter((address) => address.family === family);
    if (addresses.length === 0) throw new OutboundFault("ENOTFOUND", "");
    return addresses.slice(0, OUTBOUND_LIMITS.addressesMax);
  }

  #ask(key: string, resolve: () => Promise<CheckedAddress[]>, lookups: Lookups): Promise<CheckedAddress[]> {
    const before = this.#asked.get(key);
    if (before) return before;
    if (lookups.open >= OUTBOUND_LIMITS.lookupsMax) return Promise.reject(new TooManyLookups());
    lookups.open++;
    const asked = resolve().finally(() => lookups.open--);
    this.#asked.set(key, asked);
    const forget = () => this.#asked.delete(key);
    asked.then(() => setTimeout(forget, OUTBOUND_LIMITS.lookupKeptMs).unref(), forget);
    return asked;
  }

  #inTime(asked: Promise<CheckedAddress[]>, signal: AbortSignal): Promise<CheckedAddress[]> {
    const answer = Promise.withResolvers<CheckedAddress[]>();
    const give = (code: string) => answer.reject(new OutboundFault(code, ""));
    asked.then(answer.resolve, (error) => {
      if (error instanceof TooManyLookups) answer.reject(error);
      else give(error.code === "EAI_AGAIN" ? error.code : "ENOTFOUND");
    });
    const timer = setTimeout(() => give("EAI_AGAIN"), OUTBOUND_LIMITS.lookupTimeoutMs);
    const onAbort = () => give("ECANCELED");
    signal.addEventListener("abort", onAbort);
    return answer.promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    });
  }
}
