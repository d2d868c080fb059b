/** The flags of `npm start`. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { CertificateFiles } from "./platform/service-table.ts";

const INSTANCES_MAX = 32;
const SLOTS = { usual: 64, max: 4_096 };

const TIERS = ["development", "reduced", "full"] as const;
type Tier = (typeof TIERS)[number];

export const USAGE = `usage: npm start -- [--runners N] [--gateways N] [--slots N] [--minimum-tier TIER]
                    [--egress-allow LIST] [--backend-allow LIST] [--webhook-allow LIST]
                    [--https [--https-certificate FILE --https-key FILE]] [--dns LIST] [--state FOLDER]

Starts Millrace with everything it needs and keeps it running until Ctrl-C.
  --runners N    function runners to start, 1 to ${INSTANCES_MAX} (default 1)
  --gateways N   gateways to start, 1 to ${INSTANCES_MAX} (default 1); on Linux all share one port
  --slots N      invocations that each runner runs at a time, 1 to ${SLOTS.max} (default ${SLOTS.usual})
  --minimum-tier TIER
                 the weakest isolation that runners accept: ${TIERS.join(", ")} (default development)
  --egress-allow LIST
                 addresses that functions may reach though they are private: address[/prefix][:port], several with commas
  --backend-allow LIST
                 addresses that http backends may have though they are private, in the same form
  --webhook-allow LIST
                 addresses that webhooks of alarms may have though they are private, in the same form
  --https        gateways listen for TLS too, for custom hosts with certificates
  --https-certificate FILE, --https-key FILE
                 PEM: what callers of the platform's own hosts are shown, and its private key
  --dns LIST     name servers that are asked whose a custom host is: address[:port] (default: the machine's)
  --state FOLDER where to keep data, secrets and logs (default .millrace)
  --help         print this text`;

export type StartArguments = {
  readonly help: boolean;
  readonly runners: number;
  readonly gateways: number;
  readonly slots: number;
  readonly minimumTier: Tier;
  readonly egressAllow: readonly string[];
  readonly backendAllow: readonly string[];
  readonly webhookAllow: readonly string[];
  /** Undefined without TLS. */
  readonly https: { readonly certificate?: CertificateFiles | undefined } | undefined;
  readonly dnsServers: readonly string[];
  readonly state: string | undefined;
};

/** Throws an error with one clear line for a flag or value that is not known. */
export function parseStartArguments(args: readonly string[]): StartArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean" },
      runners: { type: "string" },
      gateways: { type: "string" },
      slots: { type: "string" },
      "minimum-tier": { type: "string" },
      "egress-allow": { type: "string", multiple: true },
      "backend-allow": { type: "string", multiple: true },
      "webhook-allow": { type: "string", multiple: true },
      https: { type: "boolean" },
      "https-certificate": { type: "string" },
      "https-key": { type: "string" },
      dns: { type: "string", multiple: true },
      state: { type: "string" },
    },
  });
  return {
    help: values.help ?? false,
    runners: count("--runners", values.runners, INSTANCES_MAX) ?? 1,
    gateways: count("--gateways", values.gateways, INSTANCES_MAX) ?? 1,
    slots: count("--slots", values.slots, SLOTS.max) ?? SLOTS.usual,
    minimumTier: tier(values["minimum-tier"] ?? "development"),
    egressAllow: listOf(values["egress-allow"]),
    backendAllow: listOf(values["backend-allow"]),
    webhookAllow: listOf(values["webhook-allow"]),
    https: https(values.https ?? false, values["https-certificate"], values["https-key"]),
    dnsServers: listOf(values.dns),
    state: values.state === undefined ? undefined : fromHere(values.state),
  };
}

const fromHere = (path: string) => resolve(process.env.INIT_CWD ?? process.cwd(), path);

function https(wanted: boolean, certificate: string | undefined, key: string | undefined): StartArguments["https"] {
  if ((certificate === undefined) !== (key === undefined))
    throw new Error("--https-certificate and --https-key go together");
  if (certificate === undefined || key === undefined) return wanted ? {} : undefined;
  return { certificate: { certificate: fromHere(certificate), key: fromHere(key) } };
}

function listOf(lists: readonly string[] = []): string[] {
  return lists.flatMap((list) => list.split(","));
}

function count(flag: string, value: string | undefined, max: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > max) {
    throw new Error(`${flag} takes a number from 1 to ${max}, not "${value}"`);
  }
  return number;
}

function tier(value: string): Tier {
  const found = TIERS.find((name) => name === value);
  if (found === undefined) throw new Error(`--minimum-tier takes ${TIERS.join(", ")}, not "${value}"`);
  return found;
}
