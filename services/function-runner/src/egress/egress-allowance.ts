import { BlockList } from "node:net";
import { type CheckedAddress, readAddress } from "./addresses.ts";

export interface AllowedRange {
  net: CheckedAddress;
  prefix: number;
  /** Absent: every port, for functions whose policy names them. */
  port: number | undefined;
}

const ENTRY =
  /^(?:\[([^\]]+)\]|([^[\]:/]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*))(?:\/(\d{1,3}))?(?::(\d{1,5}))?$/;

/** Reads `address[/prefix][:port]`; an IPv6 address that a port follows stands in brackets. Undefined when it is none. */
export function parseAllowedRange(text: string): AllowedRange | undefined {
  const [, bracketed, bare, prefixDigits, portDigits] = ENTRY.exec(text) ?? [];
  const net = readAddress(bracketed ?? bare ?? "");
  if (!net) return undefined;
  const bits = net.family === 4 ? 32 : 128;
  const prefix = prefixDigits === undefined ? bits : Number(prefixDigits);
  const port = portDigits === undefined ? undefined : Number(portDigits);
  if (prefix > bits || port === 0 || (port !== undefined && port > 65_535)) return undefined;
  return { net, prefix, port };
}

/** What the operator opens of the addresses that are refused otherwise. */
export class EgressAllowance {
  readonly #ranges: { list: BlockList; range: AllowedRange }[];

  constructor(ranges: readonly AllowedRange[]) {
    this.#ranges = ranges.map((range) => {
      const list = new BlockList();
      list.addSubnet(range.net.address, range.prefix, typeOf(range.net));
      return { list, range };
    });
  }

  /** Whether a function whose policy names it may reach it. */
  covers(address: CheckedAddress, port: number): boolean {
    return this.#ranges.some(({ list, range }) => (range.port ?? port) === port && holds(list, address));
  }

  /** Whether `http` reaches it too. */
  extendsHttp(address: CheckedAddress, port: number): boolean {
    return this.#ranges.some(({ list, range }) => range.port === port && holds(list, address));
  }

  /** Whether `http` reaches anything on the port. */
  extendsHttpTo(port: number): boolean {
    return this.#ranges.some(({ range }) => range.port === port);
  }

  /** The single addresses with a port. */
  get endpoints(): { address: CheckedAddress; port: number }[] {
    return this.#ranges.flatMap(({ range: { net, prefix, port } }) =>
      port !== undefined && prefix === (net.family === 4 ? 32 : 128) ? [{ address: net, port }] : [],
    );
  }
}

function holds(list: BlockList, address: CheckedAddress): boolean {
  return list.check(address.address, typeOf(address));
}

function typeOf({ family }: CheckedAddress): "ipv4" | "ipv6" {
  return family === 4 ? "ipv4" : "ipv6";
}
