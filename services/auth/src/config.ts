import { address, bool, loadConfig, secretFile } from "@millrace/config";
import { z } from "zod";

const SHAPE = {
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  /** Where /livez, /readyz and /metrics are. */
  OPERATIONS_ADDRESS: address(),
  GRPC_ADDRESS: address(),
  GRPC_TLS_CERT_FILE: z.string().optional(),
  GRPC_TLS_KEY_FILE: z.string().optional(),
  DATABASE_URL_FILE: secretFile(),
  /** 32 bytes in base64; seals the secrets of access keys. */
  MASTER_KEY_FILE: secretFile(),
  SERVICE_KEY_FILE: secretFile(),
  SERVICE_TRUST_FILE: secretFile(),
  NATS_URL: z.string(),
  NATS_SEED_FILE: secretFile().optional(),
  CONTROL_PLANE_ADDRESS: address(),
  /** Of the authority behind the peers' certificates; absent: no TLS to peers. */
  TLS_CA_FILE: z.string().optional(),
  /** JSON `{email, password, token}` of the first operator; read while nobody exists. */
  BOOTSTRAP_FILE: secretFile().optional(),
  SELF_REGISTRATION: bool().default(false),
};

export type Config = ReturnType<typeof readConfig>;

/** Throws one error that lists every problem. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const read = loadConfig(environment, SHAPE);
  const { GRPC_TLS_CERT_FILE: certFile, GRPC_TLS_KEY_FILE: keyFile } = read;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new Error("MILLRACE_GRPC_TLS_CERT_FILE and MILLRACE_GRPC_TLS_KEY_FILE: set both or none");
  }
  return {
    logLevel: read.LOG_LEVEL,
    operations: read.OPERATIONS_ADDRESS,
    grpc: read.GRPC_ADDRESS,
    ...(certFile && keyFile && { tls: { certFile, keyFile } }),
    databaseUrl: read.DATABASE_URL_FILE,
    masterKey: read.MASTER_KEY_FILE,
    serviceKey: read.SERVICE_KEY_FILE,
    serviceTrust: read.SERVICE_TRUST_FILE,
    nats: { url: read.NATS_URL, seed: read.NATS_SEED_FILE },
    controlPlane: {
      address: `${read.CONTROL_PLANE_ADDRESS.host}:${read.CONTROL_PLANE_ADDRESS.port}`,
      ...(read.TLS_CA_FILE !== undefined && { caFile: read.TLS_CA_FILE }),
    },
    bootstrap: read.BOOTSTRAP_FILE,
    selfRegistration: read.SELF_REGISTRATION,
  };
}
