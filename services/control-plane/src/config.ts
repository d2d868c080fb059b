import { address, loadConfig, secretFile } from "@millrace/config";
import { z } from "zod";

const SHAPE = {
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  OPERATIONS_ADDRESS: address(),
  /** Ed25519 private key (PKCS8 PEM) by which this service proves who it is. */
  SERVICE_KEY_FILE: secretFile(),
  /** JSON of service name → SPKI PEM. */
  SERVICE_TRUST_FILE: secretFile(),
  NATS_URL: z.string(),
  NATS_SEED_FILE: secretFile().optional(),
  GRPC_ADDRESS: address(),
  GRPC_TLS_CERT_FILE: z.string().optional(),
  GRPC_TLS_KEY_FILE: z.string().optional(),
  AUTH_ADDRESS: z.string(),
  /** PEM file of the authority that signed the peers' certificates; absent: no TLS to peers. */
  TLS_CA_FILE: z.string().optional(),
  DATABASE_URL_FILE: secretFile(),
  REGION: z.string().regex(/^[a-z0-9-]{1,32}$/, "must be 1 to 32 of a-z, 0-9 and -"),
  BASE_DOMAIN: z.string().regex(/^[a-z0-9.-]{1,200}$/, "must be a domain name"),
  GATEWAY_PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }),
  /** X25519 public key (SPKI PEM) to which secrets of functions are sealed. */
  RUNNER_PUBLIC_KEY_FILE: secretFile(),
  /** Of this process among control-planes: its name on the bus. */
  CONTROL_PLANE_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 of letters, digits, _ and -")
    .default("control-plane-1"),
};

export type Config = ReturnType<typeof readConfig>;

export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const config = loadConfig(environment, SHAPE);
  const { GRPC_TLS_CERT_FILE: certFile, GRPC_TLS_KEY_FILE: keyFile } = config;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new Error("MILLRACE_GRPC_TLS_CERT_FILE and MILLRACE_GRPC_TLS_KEY_FILE are needed both or not at all");
  }
  return { ...config, tls: certFile && keyFile ? { certFile, keyFile } : undefined };
}
