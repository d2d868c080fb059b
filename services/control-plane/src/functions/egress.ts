import { formatEgressTarget, parseEgressTarget } from "@millrace/names";
import { LIMITS } from "../limits.ts";
import type { Violations } from "../requests/violations.ts";
import type { Egress } from "./function.ts";

/** As a client sends it. */
export interface AskedEgress {
  mode: Egress["mode"];
  hosts: readonly string[];
}

export function checkEgress(violations: Violations, { mode, hosts }: AskedEgress): void {
  const field = "config.egress.hosts";
  if (mode !== "hosts") {
    violations.unless(hosts.length === 0, field, `must be empty unless the mode is hosts; the mode is ${mode}`);
    return;
  }
  violations.unless(
    hosts.length >= 1 && hosts.length <= LIMITS.egressHostsMax,
    field,
    `must have 1 to ${LIMITS.egressHostsMax} entries; use the mode none to allow nothing`,
  );
  for (const [index, host] of hosts.slice(0, LIMITS.egressHostsMax).entries()) {
    violations.unless(
      parseEgressTarget(host) !== undefined,
      `${field}[${index}]`,
      "must be host:port with a name, *.name or an address, e.g. db.example.com:5432, *.example.com:443 or [2001:db8::1]:443",
    );
  }
}

/** What was checked, each host once and in the one way to write it. */
export function settledEgress(asked: AskedEgress | undefined): Egress {
  if (asked?.mode !== "hosts") return { mode: asked?.mode ?? "http" };
  const hosts = asked.hosts.flatMap((text) => parseEgressTarget(text) ?? []).map(formatEgressTarget);
  return { mode: "hosts", hosts: [...new Set(hosts)] };
}
