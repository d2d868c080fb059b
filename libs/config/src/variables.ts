import { z } from "zod";
import { address, bool, secretFile, share } from "./fields.ts";

// What several services are told, in the same words to each. A service spreads the groups that it needs into its shape.

export const PROCESS_VARIABLES = {
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  /** Where /livez, /readyz and /metrics are. */
  OPERATIONS_ADDRESS: address(),
  /** Of the requests that come without a trace, so many are traced from their beginning, where traces are exported. */
  TRACES_SAMPLE_RATIO: share().default(0.01),
  /** False: gateways and runners say nothing of requests and invocations, and nobody can look them up. To find what telling costs. */
  REQUESTS_TOLD: bool().default(true),
};

export const BUS_VARIABLES = {
  /** `nats://host:port`, or `tls://host:port`. */
  NATS_URL: z.string(),
  /** PEM of the authority that signed the server's certificate, where it is none that Node knows. */
  NATS_CA_FILE: z.string().optional(),
  /** The nkey seed of the service's user; absent only where the server asks for none. */
  NATS_SEED_FILE: secretFile().optional(),
};

/** For those who prove who they are, or ask others to. */
export const IDENTITY_VARIABLES = {
  /** The service's own Ed25519 key, PKCS8 PEM. */
  SERVICE_KEY_FILE: secretFile(),
  /** JSON of service name → SPKI PEM. */
  SERVICE_TRUST_FILE: secretFile(),
};

/** Given to every service; for those that have no use for an identity. */
export const UNUSED_IDENTITY_VARIABLES = {
  SERVICE_KEY_FILE: z.string().optional(),
  SERVICE_TRUST_FILE: z.string().optional(),
};

export const RPC_SERVER_VARIABLES = {
  GRPC_ADDRESS: address(),
  GRPC_TLS_CERT_FILE: z.string().optional(),
  GRPC_TLS_KEY_FILE: z.string().optional(),
};

export const PEER_VARIABLES = {
  /** PEM of the authority that signed the peers' certificates; absent: no TLS to peers. */
  TLS_CA_FILE: z.string().optional(),
};

export function busOf(given: z.infer<z.ZodObject<typeof BUS_VARIABLES>>) {
  return { url: given.NATS_URL, caFile: given.NATS_CA_FILE, seed: given.NATS_SEED_FILE?.reveal() };
}

/** Throws unless both files are given, or none. */
export function tlsOf(given: {
  GRPC_TLS_CERT_FILE?: string | undefined;
  GRPC_TLS_KEY_FILE?: string | undefined;
}): { certFile: string; keyFile: string } | undefined {
  const { GRPC_TLS_CERT_FILE: certFile, GRPC_TLS_KEY_FILE: keyFile } = given;
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile === keyFile) return undefined;
  throw new Error("MILLRACE_GRPC_TLS_CERT_FILE and MILLRACE_GRPC_TLS_KEY_FILE: set both or none");
}
