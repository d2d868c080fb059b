import { formatEgressTarget, parseEgressTarget } from "@millrace/names";
import { type Egress, Egress_Mode as Mode } from "@millrace/proto/control/v1/functions";

// Where a function may connect to, in the words of people: `none`, `http`, or a list of host:port.

export const HTTP: Egress = { mode: Mode.HTTP, hosts: [] };
export const EGRESS_FAULT = "must be none, http, or a list of host:port, *.name:port and [address]:port";
const HOSTS_MAX = 32;

/** Undefined when it is none of them. */
export function egressOf(word: string): Egress | undefined {
  if (word === "none") return { mode: Mode.NONE, hosts: [] };
  return word === "http" ? HTTP : egressOfHosts(word.split(",").map((host) => host.trim()));
}

/** Undefined when one of them is no host:port, or they are none or too many. */
export function egressOfHosts(texts: readonly string[]): Egress | undefined {
  const targets = texts.flatMap((text) => parseEgressTarget(text) ?? []);
  if (targets.length !== texts.length || texts.length === 0 || texts.length > HOSTS_MAX) return undefined;
  return { mode: Mode.HOSTS, hosts: [...new Set(targets.map(formatEgressTarget))] };
}

export function egressText({ mode, hosts }: Egress = HTTP): string {
  if (mode === Mode.HOSTS) return hosts.join(",");
  return mode === Mode.NONE ? "none" : "http";
}
