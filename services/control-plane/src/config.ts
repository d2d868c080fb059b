import { Resolver } from "node:dns";
import {
  BUS_VARIABLES,
  busId,
  busOf,
  IDENTITY_VARIABLES,
  loadConfig,
  PEER_VARIABLES,
  PROCESS_VARIABLES,
  peerAddress,
  RPC_SERVER_VARIABLES,
  secretFile,
  tlsOf,
} from "@millrace/config";
import { allowedRanges } from "@millrace/outbound";
import { z } from "zod";

const SHAPE = {
  ...PROCESS_VARIABLES,
  ...RPC_SERVER_VARIABLES,
  ...IDENTITY_VARIABLES,
  ...BUS_VARIABLES,
  ...PEER_VARIABLES,
  AUTH_ADDRESS: peerAddress(),
  DATABASE_URL_FILE: secretFile(),
  REGION: z.string().regex(/^[a-z0-9-]{1,32}$/, "must be 1 to 32 of a-z, 0-9 and -"),
  BASE_DOMAIN: z.string().regex(/^[a-z0-9.-]{1,200}$/, "must be a domain name"),
  GATEWAY_PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }),
  /** X25519 public key (SPKI PEM) to which secrets of functions are sealed. */
  RUNNER_PUBLIC_KEY_FILE: secretFile(),
  /** X25519 public key (SPKI PEM) to which private keys of custom hosts are sealed. */
  GATEWAY_PUBLIC_KEY_FILE: secretFile(),
  /** `address[:port]`, … : the name servers that are asked whose a custom host is; absent: the machine's own. */
  CONTROL_PLANE_DNS_SERVERS: nameServers(),
  /** 32 bytes in base64; seals what signs deliveries to webhooks. */
  MASTER_KEY_FILE: secretFile(),
  /** `address[/prefix][:port]`, … : private addresses that webhooks may have. */
  WEBHOOK_ALLOW: allowedRanges(),
  CONTROL_PLANE_ID: busId().default("control-plane-1"),
};

function nameServers() {
  return z
    .string()
    .default("")
    .transform((list) => list.split(",").filter((server) => server !== ""))
    .refine(areNameServers, "must be addresses with or without a port, such as 192.0.2.1 or 127.0.0.1:5353");
}

function areNameServers(servers: readonly string[]): boolean {
  try {
    new Resolver().setServers(servers);
    return true;
  } catch {
    return false;
  }
}

/** Throws one error that lists every problem. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const given = loadConfig(environment, SHAPE);
  return {
    logLevel: given.LOG_LEVEL,
    operations: given.OPERATIONS_ADDRESS,
    tracesSampleRatio: given.TRACES_SAMPLE_RATIO,
    grpc: given.GRPC_ADDRESS,
    tls: tlsOf(given),
    controlPlaneId: given.CONTROL_PLANE_ID,
    databaseUrl: given.DATABASE_URL_FILE,
    serviceKey: given.SERVICE_KEY_FILE,
    serviceTrust: given.SERVICE_TRUST_FILE,
    runnerPublicKey: given.RUNNER_PUBLIC_KEY_FILE,
    gatewayPublicKey: given.GATEWAY_PUBLIC_KEY_FILE,
    dnsServers: given.CONTROL_PLANE_DNS_SERVERS,
    masterKey: given.MASTER_KEY_FILE,
    webhookAllow: given.WEBHOOK_ALLOW,
    nats: busOf(given),
    auth: { address: given.AUTH_ADDRESS, caFile: given.TLS_CA_FILE },
    addresses: {
      region: given.REGION,
      baseDomain: given.BASE_DOMAIN,
      gatewayPublicUrl: given.GATEWAY_PUBLIC_URL,
    },
  };
}
