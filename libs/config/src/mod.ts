export {
  type Address,
  address,
  bool,
  busId,
  bytes,
  durationMs,
  integer,
  peerAddress,
  secretFile,
} from "./fields.ts";
export { loadConfig } from "./load-config.ts";
export {
  BUS_VARIABLES,
  busOf,
  IDENTITY_VARIABLES,
  PEER_VARIABLES,
  PROCESS_VARIABLES,
  RPC_SERVER_VARIABLES,
  tlsOf,
  UNUSED_IDENTITY_VARIABLES,
} from "./variables.ts";
