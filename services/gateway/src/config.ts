import { createPrivateKey, type KeyObject } from "node:crypto";
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
import type { Secret } from "@millrace/sealing";
import { z } from "zod";
import type { HttpsSettings } from "./app.ts";

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
  /** The same over TLS; absent: no TLS. */
  HTTPS_ADDRESS: address().optional(),
  HTTPS_SHARED_ADDRESS: address().optional(),
  /** PEM of the chain and of the private key for the platform's own hosts; both are read again when they change. */
  HTTPS_CERTIFICATE_FILE: z.string().optional(),
  HTTPS_KEY_FILE: z.string().optional(),
  /** X25519, PKCS8 PEM: opens the private keys of custom hosts. Needed with HTTPS_ADDRESS. */
  GATEWAY_PRIVATE_KEY_FILE: secretFile().optional(),
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

/** Undefined without an address. Throws unless all that goes together is given together. */
function httpsOf(given: z.output<z.ZodObject<typeof SHAPE>>): HttpsSettings | undefined {
  const { HTTPS_ADDRESS, HTTPS_SHARED_ADDRESS, HTTPS_CERTIFICATE_FILE, HTTPS_KEY_FILE } = given;
  const { GATEWAY_PRIVATE_KEY_FILE: privateKey } = given;
  if ((HTTPS_CERTIFICATE_FILE === undefined) !== (HTTPS_KEY_FILE === undefined)) {
    throw new Error("MILLRACE_HTTPS_CERTIFICATE_FILE and MILLRACE_HTTPS_KEY_FILE: set both or none");
  }
  if (HTTPS_ADDRESS === undefined) return undefined;
  if (privateKey === undefined) throw new Error("MILLRACE_HTTPS_ADDRESS needs MILLRACE_GATEWAY_PRIVATE_KEY_FILE");
  return {
    ...HTTPS_ADDRESS,
    shared: HTTPS_SHARED_ADDRESS,
    privateKey: gatewayKey(privateKey),
    platformCertificate:
      HTTPS_CERTIFICATE_FILE === undefined ? undefined : { certificate: HTTPS_CERTIFICATE_FILE, key: HTTPS_KEY_FILE! },
  };
}

function gatewayKey(secret: Secret): KeyObject {
  try {
    return createPrivateKey(secret.reveal());
  } catch {
    throw new Error("MILLRACE_GATEWAY_PRIVATE_KEY_FILE names a file that holds no private key in PEM form");
  }
}

/** Throws one error that lists every problem. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const given = loadConfig(environment, SHAPE);
  return {
    logLevel: given.LOG_LEVEL,
    operations: given.OPERATIONS_ADDRESS,
    http: { ...given.HTTP_ADDRESS, shared: given.HTTP_SHARED_ADDRESS },
    https: httpsOf(given),
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
