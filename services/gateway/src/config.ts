import {
  address,
  BUS_VARIABLES,
  busId,
  busOf,
  durationMs,
  IDENTITY_VARIABLES,
  loadConfig,
  PEER_VARIABLES,
  PROCESS_VARIABLES,
  peerAddress,
  secretFile,
  UNUSED_IDENTITY_VARIABLES,
} from "@millrace/config";
import { allowedRanges } from "@millrace/outbound";
import { z } from "zod";

const SHAPE = {
  ...PROCESS_VARIABLES,
  ...IDENTITY_VARIABLES,
  /** Given to every service; the gateway serves no RPC and verifies nobody. */
  SERVICE_TRUST_FILE: UNUSED_IDENTITY_VARIABLES.SERVICE_TRUST_FILE,
  ...BUS_VARIABLES,
  ...PEER_VARIABLES,
  HTTP_ADDRESS: address(),
  /** Where other gateways of this machine listen as well; connections are spread over them. Linux only. */
  HTTP_SHARED_ADDRESS: address().optional(),
  /** Unique among the gateways of a platform; part of NATS subjects. */
  GATEWAY_ID: busId(),
  REGION: z.string().min(1),
  BASE_DOMAIN: z.string().min(1),
  REDIS_URL_FILE: secretFile(),
  AUTH_ADDRESS: peerAddress(),
  /** `address[/prefix][:port]`, … : addresses that are not public, and that http backends may have all the same. */
  GATEWAY_BACKEND_ALLOW: allowedRanges(),
  DRAIN_LAG: durationMs().default(500),
  DRAIN_TIMEOUT: durationMs().default(30_000),
};

export type GatewayConfig = ReturnType<typeof readConfig>;

/** Throws one error that lists every problem. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const given = loadConfig(environment, SHAPE);
  return {
    logLevel: given.LOG_LEVEL,
    operations: given.OPERATIONS_ADDRESS,
    http: { ...given.HTTP_ADDRESS, shared: given.HTTP_SHARED_ADDRESS },
    gatewayId: given.GATEWAY_ID,
    region: given.REGION,
    baseDomain: given.BASE_DOMAIN.toLowerCase(),
    nats: busOf(given),
    redisUrl: given.REDIS_URL_FILE,
    auth: { address: given.AUTH_ADDRESS, caFile: given.TLS_CA_FILE },
    backendAllow: given.GATEWAY_BACKEND_ALLOW,
    serviceKey: given.SERVICE_KEY_FILE,
    drain: { lagMs: given.DRAIN_LAG, timeoutMs: given.DRAIN_TIMEOUT },
    tracesSampleRatio: given.TRACES_SAMPLE_RATIO,
    requestsTold: given.REQUESTS_TOLD,
  };
}
