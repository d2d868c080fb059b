import { address, durationMs, loadConfig, secretFile } from "@millrace/config";
import { z } from "zod";

const SHAPE = {
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  OPERATIONS_ADDRESS: address(),
  HTTP_ADDRESS: address(),
  /** Unique among the gateways of a platform; part of NATS subjects. */
  GATEWAY_ID: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "must be 1 to 64 of a-z, A-Z, 0-9, _ and -" }),
  REGION: z.string().min(1),
  BASE_DOMAIN: z.string().min(1),
  NATS_URL: z.string().min(1),
  NATS_SEED_FILE: secretFile().optional(),
  REDIS_URL_FILE: secretFile(),
  AUTH_ADDRESS: z.string().min(1),
  TLS_CA_FILE: z.string().optional(),
  SERVICE_KEY_FILE: secretFile(),
  /** Known to all services; the gateway serves no RPC and verifies nobody. */
  SERVICE_TRUST_FILE: z.string().optional(),
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
    http: given.HTTP_ADDRESS,
    gatewayId: given.GATEWAY_ID,
    region: given.REGION,
    baseDomain: given.BASE_DOMAIN.toLowerCase(),
    nats: { url: given.NATS_URL, ...(given.NATS_SEED_FILE && { seed: given.NATS_SEED_FILE.reveal() }) },
    redisUrl: given.REDIS_URL_FILE,
    auth: { address: given.AUTH_ADDRESS, caFile: given.TLS_CA_FILE },
    serviceKey: given.SERVICE_KEY_FILE,
    drain: { lagMs: given.DRAIN_LAG, timeoutMs: given.DRAIN_TIMEOUT },
    // The SDK reads the standard OTEL_* variables itself; these two say whether traces go anywhere.
    exportsTraces: Boolean(environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT),
  };
}
