import { type EgressTarget, formatEgressTarget, parseEgressTarget } from "@millrace/names";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";

// Where the functions of a sandbox may connect to. What a policy allows is not yet reached: the address has the last word
// (egress-verdict.ts).

export type EgressPolicy = { mode: "none" | "http" } | { mode: "hosts"; hosts: readonly EgressTarget[] };

/** Ports of `http`. */
export const HTTP_PORTS: readonly number[] = [80, 443];

/** A record says nothing of it when it was written before there was a choice. What cannot be understood allows nothing. */
export function policyOf({ egress }: Pick<FunctionVersionRecord, "egress">): EgressPolicy {
  if (egress === undefined || egress.mode === "http") return { mode: "http" };
  if (egress.mode !== "hosts") return { mode: "none" };
  return { mode: "hosts", hosts: egress.hosts.flatMap((text) => parseEgressTarget(text) ?? []) };
}

/** Equal for policies that allow the same; also what a refusal calls the policy. */
export function policyText(policy: EgressPolicy): string {
  if (policy.mode !== "hosts") return policy.mode;
  return [...new Set(policy.hosts.map(formatEgressTarget))].sort().join(",") || "none";
}

/** Whether the list names the host, or the port of it. */
export function isListed(policy: EgressPolicy, host: string, port?: number): boolean {
  if (policy.mode !== "hosts") return false;
  return policy.hosts.some(
    (target) => (port === undefined || target.port === port) && (target.host === host || covers(target.host, host)),
  );
}

/** `*.example.com` stands for every name below example.com, and not for itself. */
function covers(pattern: string, host: string): boolean {
  return pattern.startsWith("*.") && host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
}
