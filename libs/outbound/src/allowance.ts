import { BlockList } from "node:net";
import { z } from "zod";
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

/** A variable that holds a list of them. */
export const allowedRanges = () => z.string().default("").transform(readAllowed);

function readAllowed(text: string, context: z.RefinementCtx): AllowedRange[] {
  const entries = text.split(",").map((entry) => entry.trim());
  return entries.flatMap((entry) => {
    const range = entry === "" ? [] : parseAllowedRange(entry);
    if (range) return range;
    const message = `${entry} is not address[/prefix][:port], e.g. 10.1.0.0/16, 192.168.1.5:5432 or [fd00::1]:443`;
    context.addIssue({ code: "custom", message });
    return [];
  });
}

/** What the operator opens of the addresses that are refused otherwise. */
export class Allowance {
  readonly #ranges: { list: BlockList; range: AllowedRange }[];

  constructor(ranges: readonly AllowedRange[]) {
    this.#ranges = ranges.map((range) => {
      const list = new BlockList();
      list.addSubnet(range.net.address, range.prefix, typeOf(range.net));
      return { list, range };
    });
  }

  /** Whether it may be reached by whoever names it. */
  covers(address: CheckedAddress, port: number): boolean {
    return this.#ranges.some(({ list, range }) => (range.port ?? port) === port && holds(list, address));
  }

  /** Whether a function's policy `http` reaches it too. */
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
