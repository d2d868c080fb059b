import {
  BUS_VARIABLES,
  bool,
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

const SHAPE = {
  ...PROCESS_VARIABLES,
  ...RPC_SERVER_VARIABLES,
  ...IDENTITY_VARIABLES,
  ...BUS_VARIABLES,
  ...PEER_VARIABLES,
  CONTROL_PLANE_ADDRESS: peerAddress(),
  DATABASE_URL_FILE: secretFile(),
  /** 32 bytes in base64; seals the secrets of access keys. */
  MASTER_KEY_FILE: secretFile(),
  /** JSON `{email, password, token}` of the first operator; read while nobody exists. */
  BOOTSTRAP_FILE: secretFile().optional(),
  SELF_REGISTRATION: bool().default(false),
};

/** Throws one error that lists every problem. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const given = loadConfig(environment, SHAPE);
  return {
    logLevel: given.LOG_LEVEL,
    operations: given.OPERATIONS_ADDRESS,
    tracesSampleRatio: given.TRACES_SAMPLE_RATIO,
    grpc: given.GRPC_ADDRESS,
    tls: tlsOf(given),
    databaseUrl: given.DATABASE_URL_FILE,
    masterKey: given.MASTER_KEY_FILE,
    serviceKey: given.SERVICE_KEY_FILE,
    serviceTrust: given.SERVICE_TRUST_FILE,
    nats: busOf(given),
    controlPlane: { address: given.CONTROL_PLANE_ADDRESS, caFile: given.TLS_CA_FILE },
    bootstrap: given.BOOTSTRAP_FILE,
    selfRegistration: given.SELF_REGISTRATION,
  };
}
