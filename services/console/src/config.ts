import {
  address,
  loadConfig,
  PEER_VARIABLES,
  PROCESS_VARIABLES,
  peerAddress,
  secretFile,
  UNUSED_IDENTITY_VARIABLES,
} from "@millrace/config";
import { z } from "zod";

const SHAPE = {
  ...PROCESS_VARIABLES,
  ...PEER_VARIABLES,
  /** It only ever acts with the credential of its caller; its own proves that it may say where the caller is. */
  SERVICE_KEY_FILE: secretFile().optional(),
  SERVICE_TRUST_FILE: UNUSED_IDENTITY_VARIABLES.SERVICE_TRUST_FILE,
  HTTP_ADDRESS: address(),
  CONTROL_PLANE_ADDRESS: peerAddress(),
  AUTH_ADDRESS: peerAddress(),
  GATEWAY_PUBLIC_URL: httpUrl(),
  /** Where browsers reach the console when that is not what they send as Host. With https, cookies are Secure. */
  CONSOLE_PUBLIC_URL: httpUrl().optional(),
};

/** Throws one error that lists every problem. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const given = loadConfig(environment, SHAPE);
  const caFile = given.TLS_CA_FILE;
  return {
    logLevel: given.LOG_LEVEL,
    operations: given.OPERATIONS_ADDRESS,
    http: given.HTTP_ADDRESS,
    controlPlane: { address: given.CONTROL_PLANE_ADDRESS, caFile },
    auth: { address: given.AUTH_ADDRESS, caFile },
    serviceKey: given.SERVICE_KEY_FILE,
    gatewayUrl: given.GATEWAY_PUBLIC_URL,
    origins: {
      secure: given.CONSOLE_PUBLIC_URL?.protocol === "https:",
      publicOrigin: given.CONSOLE_PUBLIC_URL?.origin,
    },
  };
}

function httpUrl() {
  return z
    .string()
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "must be an http or https URL")
    .transform((text) => new URL(text));
}
