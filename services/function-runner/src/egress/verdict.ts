import { formatEgressTarget } from "@millrace/names";
import { type Allowance, type CheckedAddress, isPublic } from "@millrace/outbound";
import { type EgressPolicy, HTTP_PORTS, isListed, policyText } from "./egress-policy.ts";

/** What decides where a sandbox may connect to. */
export interface Terms {
  policy: EgressPolicy;
  allowance: Allowance;
  /** Addresses of the machine and of the platform, be they public or not. */
  isOwn(address: CheckedAddress): boolean;
}

const NAMES_IN_MESSAGE_MAX = 4;

/** Why the policy has no place for the host, said to its author; undefined when it may have, and the address decides. */
export function refusalOfHost({ policy, allowance }: Terms, host: string, port: number): string | undefined {
  const target = formatEgressTarget({ host, port });
  if (policy.mode === "none") return `the function's egress is none; set it to http, or to a list with ${target}`;
  if (policy.mode === "hosts") {
    if (isListed(policy, host, port)) return undefined;
    const listed = policyText(policy).split(",");
    const more = listed.length > NAMES_IN_MESSAGE_MAX ? ` and ${listed.length - NAMES_IN_MESSAGE_MAX} more` : "";
    const shown = `${listed.slice(0, NAMES_IN_MESSAGE_MAX).join(", ")}${more}`;
    return `the function's egress is ${shown}; add ${target} to it`;
  }
  if (HTTP_PORTS.includes(port) || allowance.extendsHttpTo(port)) return undefined;
  return portRefusal(target);
}

/** Why the address is not connected to, although the policy has a place for the host. It does not say which address it is. */
export function refusalOfAddress(
  terms: Terms,
  host: string,
  port: number,
  address: CheckedAddress,
): string | undefined {
  const { policy, allowance } = terms;
  const target = formatEgressTarget({ host, port });
  const isOpen = isPublic(address) && !terms.isOwn(address);
  if (policy.mode === "http") {
    if (allowance.extendsHttp(address, port)) return undefined;
    if (!HTTP_PORTS.includes(port)) return portRefusal(target);
  }
  if (isOpen || (policy.mode === "hosts" && allowance.covers(address, port))) return undefined;
  const list = policy.mode === "hosts" ? "" : `the function's egress must list ${target}, and `;
  return `it has no public address; ${list}the platform's operator must allow it (npm start -- --egress-allow, or the runner's MILLRACE_RUNNER_EGRESS_ALLOW)`;
}

/** Whether the policy lets a name be looked up. */
export function refusalOfLookup({ policy }: Terms, host: string): string | undefined {
  if (policy.mode === "none") return "the function's egress is none; set it to http, or to a list with the host";
  if (policy.mode === "http" || isListed(policy, host)) return undefined;
  return `the function's egress does not list ${host}`;
}

function portRefusal(target: string): string {
  return `the function's egress is http: public addresses on ports ${HTTP_PORTS.join(" and ")}; to connect there, make it a list with ${target}`;
}
