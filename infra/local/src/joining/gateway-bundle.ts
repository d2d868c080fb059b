import { assertJoiningName, readBundle } from "./bundle.ts";

/** What a gateway joins with: who it is on NATS, where NATS, Redis and auth are, and what it proves itself to them with. */
export type GatewayBundle = {
  readonly version: 1;
  readonly gatewayId: string;
  readonly natsUrl: string;
  /** PEM of the authority that signed the certificate of NATS, where it is a private one. */
  readonly natsCa?: string | undefined;
  /** Of a NATS user who may do what this gateway may, and nothing else. */
  readonly natsSeed: string;
  /** With its password. */
  readonly redisUrl: string;
  /** `host:port` */
  readonly authAddress: string;
  /** PEM of the authority that signed auth's certificate; absent: no TLS to auth. */
  readonly authCa?: string | undefined;
  /** What gateways prove themselves to auth with: Ed25519, PKCS8 PEM. All gateways of a platform share it. */
  readonly serviceKey: string;
  /** X25519, PKCS8 PEM: what it opens the private keys of custom hosts with. All gateways of a platform share it. */
  readonly privateKey?: string | undefined;
  readonly region: string;
  readonly baseDomain: string;
};

const MEMBERS = ["gatewayId", "natsUrl", "natsSeed", "redisUrl", "authAddress", "serviceKey", "region", "baseDomain"];

/** Throws an error that says what is wrong and shows nothing of the text. */
export function parseGatewayBundle(text: string): GatewayBundle {
  const given = readBundle("gateway", MEMBERS, text) as GatewayBundle;
  assertGatewayId(given.gatewayId);
  return given;
}

export const assertGatewayId = (id: string): void => assertJoiningName("gateway", id);
