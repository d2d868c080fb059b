import { isIP, SocketAddress } from "node:net";
import { domainToASCII } from "node:url";

/** Where a function may connect to: a host with a port. */
export interface EgressTarget {
  /** As `canonicalHost` writes it; `*.` before a name stands for one label or more. */
  host: string;
  port: number;
}

const TARGET = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/;
const FORBIDDEN = /[\s/@:?#\\%[\]\0]/;
const NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;

/**
 * The one way to write a host: a name in lower case and ASCII without its last dot, or an address. Whatever a resolver would read as an
 * address is one (`127.1`, `0x7f.1`, `2130706433`). Undefined when it is no host.
 */
export function canonicalHost(text: string): string | undefined {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (bare.includes("%")) return undefined;
  if (isIP(bare) === 6) return new SocketAddress({ address: bare, family: "ipv6" }).address;
  if (FORBIDDEN.test(bare)) return undefined;
  const name = domainToASCII(bare).replace(/\.$/, "");
  return NAME.test(name) ? name : undefined;
}

/** Reads `host:port`, `*.example.com:port`, `[address]:port`. Undefined when it is none of them. */
export function parseEgressTarget(text: string): EgressTarget | undefined {
  const [, given = "", digits = ""] = TARGET.exec(text) ?? [];
  const wildcard = given.startsWith("*.");
  const host = canonicalHost(wildcard ? given.slice(2) : given);
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535 || (wildcard && isIP(host) !== 0)) return undefined;
  return { host: wildcard ? `*.${host}` : host, port };
}

export function formatEgressTarget({ host, port }: EgressTarget): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
