import { type Address, address } from "@millrace/config";
import { z } from "zod";

function httpUrl() {
  return z
    .string()
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "must be an http or https URL")
    .transform((text) => new URL(text));
}

export const configShape = {
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  OPERATIONS_ADDRESS: address(),
  HTTP_ADDRESS: address(),
  CONTROL_PLANE_ADDRESS: address().transform(hostAndPort),
  AUTH_ADDRESS: address().transform(hostAndPort),
  /** PEM file of the authority that signed the peers' certificates; absent: no TLS to them. */
  TLS_CA_FILE: z.string().optional(),
  GATEWAY_PUBLIC_URL: httpUrl(),
  /** Where browsers reach the console when that is not what they send as Host. With https, cookies are Secure. */
  CONSOLE_PUBLIC_URL: httpUrl().optional(),
  /** Given to every service. The console has no use for an identity: it only ever acts with the credential of its caller. */
  SERVICE_KEY_FILE: z.string().optional(),
  SERVICE_TRUST_FILE: z.string().optional(),
};

function hostAndPort({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
