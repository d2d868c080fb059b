import { isIP, type Socket } from "node:net";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { type CheckedAddress, isPublic } from "./addresses.ts";
import { Allowance, type AllowedRange } from "./allowance.ts";
import { dial } from "./dial.ts";
import { OUTBOUND_LIMITS } from "./limits.ts";
import { PlatformAddresses } from "./platform-addresses.ts";
import { Lookups, OutboundFault, type Resolve, Resolver } from "./resolver.ts";
import { systemResolver } from "./system-resolver.ts";

export interface OutboundGuardOptions {
  /** What the operator opens of what is refused otherwise. */
  allow: readonly AllowedRange[];
  busUrl: string;
  /** Who an operator tells so, for messages: a variable's name. */
  setting: string;
  resolve?: Resolve;
}

/** What undici asks of its `connect`. */
interface ConnectOptions {
  hostname: string;
  protocol: string;
  port: string;
  servername?: string | null;
}

type Connected = (...result: [null, Socket] | [Error, null]) => void;

/**
 * Connects to what a tenant names: to public addresses, and to others where the operator allows them. The addresses are checked after
 * the name was looked up, and only what was checked is connected to.
 */
export class OutboundGuard {
  readonly #allowance: Allowance;
  readonly #resolver: Resolver;
  readonly #platform: PlatformAddresses;
  readonly #setting: string;

  constructor({ allow, busUrl, setting, resolve = systemResolver() }: OutboundGuardOptions) {
    this.#allowance = new Allowance(allow);
    this.#resolver = new Resolver(resolve);
    this.#platform = new PlatformAddresses(resolve, busUrl);
    this.#setting = setting;
    void this.#platform.refresh();
  }

  /** `host` is a name or an address without brackets. Throws OutboundFault: EACCES when no address of it may be reached, ENOTFOUND, EAI_AGAIN, or the code of connecting. */
  async dial(host: string, port: number, lookups: Lookups, signal: AbortSignal): Promise<Socket> {
    const name = host.toLowerCase().replace(/\.$/, "");
    const addresses = await this.#resolver.addressesOf(name, 0, { lookups, signal });
    const allowed = addresses.filter((address) => this.#isAllowed(address, port));
    if (allowed.length > 0) return dial(allowed, port, signal);
    throw new OutboundFault(
      "EACCES",
      `${host} has no public address; the platform's operator must allow it (${this.#setting})`,
    );
  }

  /** A `connect` for the clients of one tenant, who share a bound on names that are looked up; what is under way ends with the signal. */
  connector(signal: AbortSignal): (options: ConnectOptions, connected: Connected) => void {
    const lookups = new Lookups();
    return ({ hostname, protocol, port, servername }, connected) => {
      const host = hostname.replace(/^\[|\]$/g, "");
      const isTls = protocol === "https:";
      this.dial(host, Number(port) || (isTls ? 443 : 80), lookups, signal)
        .then((socket) => {
          socket.allowHalfOpen = false;
          return isTls ? handshake(socket, servername || host, signal) : socket;
        })
        .then(
          (socket) => connected(null, socket),
          (error) => connected(error, null),
        );
    };
  }

  #isAllowed(address: CheckedAddress, port: number): boolean {
    return (isPublic(address) && !this.#platform.has(address)) || this.#allowance.covers(address, port);
  }
}

/** Throws what TLS says of the other end, or OutboundFault ETIMEDOUT; ECANCELED when the signal aborts. */
function handshake(socket: Socket, name: string, signal: AbortSignal): Promise<TLSSocket> {
  const secured = Promise.withResolvers<TLSSocket>();
  const tls = tlsConnect({
    socket,
    host: name,
    ...(isIP(name) === 0 && { servername: name }),
    ALPNProtocols: ["http/1.1"],
  });
  const fail = (error: Error) => {
    tls.destroy();
    secured.reject(error);
  };
  const timer = setTimeout(
    () => fail(new OutboundFault("ETIMEDOUT", "the TLS handshake took too long")),
    OUTBOUND_LIMITS.handshakeTimeoutMs,
  );
  const onAbort = () => fail(new OutboundFault("ECANCELED", ""));
  signal.addEventListener("abort", onAbort);
  tls.once("error", fail);
  tls.once("secureConnect", () => {
    tls.off("error", fail);
    secured.resolve(tls);
  });
  return secured.promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  });
}
