/** Gateways that join a platform from elsewhere, let in and shut out on the platform's own machine. */
import { readFileSync } from "node:fs";
import { BASE_DOMAIN, REGION } from "../platform/service-table.ts";
import { gatewayPrivateKey, serviceKeyFile } from "../secrets/platform-secrets.ts";
import type { SecretFiles } from "../secrets/secret-files.ts";
import { assertGatewayId, type GatewayBundle } from "./gateway-bundle.ts";
import { addressesOf, type Change, type JoiningIdentity, letIn, makeSeed, secretsOf, shutOut } from "./joined-users.ts";

const identityOf = (id: string): JoiningIdentity => ({ service: "gateway", id });

/** Where the gateway finds what it needs, when that is not where the platform itself does. */
export type GatewayCreateOptions = {
  readonly natsUrl?: string | undefined;
  readonly natsCa?: string | undefined;
  /** `host:port` */
  readonly redisAddress?: string | undefined;
  readonly authAddress?: string | undefined;
  readonly authCa?: string | undefined;
};

/** Lets one more gateway in, at once. Its bundle is answered this once. */
export async function createGateway(
  stateDirectory: string,
  id: string,
  { natsUrl, authAddress, ...given }: GatewayCreateOptions = {},
): Promise<Change & { readonly bundle: GatewayBundle }> {
  assertGatewayId(id);
  const own = addressesOf(stateDirectory);
  const addresses = { ...given, natsUrl: natsUrl ?? own.natsUrl, authAddress: authAddress ?? own.authAddress };
  const bundle = makeGatewayBundle(secretsOf(stateDirectory), id, addresses);
  return { ...(await letIn(stateDirectory, identityOf(id), bundle.natsSeed)), bundle };
}

export type GatewayAddresses = GatewayCreateOptions & { readonly natsUrl: string; readonly authAddress: string };

/** Makes the gateway's secrets; NATS has to be told of them. */
export function makeGatewayBundle(
  files: SecretFiles,
  gatewayId: string,
  { natsUrl, natsCa, redisAddress, authAddress, authCa }: GatewayAddresses,
): GatewayBundle {
  assertGatewayId(gatewayId);
  const redisUrl = readFileSync(files.path("redis.url"), "utf8");
  const serviceKey = readFileSync(serviceKeyFile(files, "gateway"), "utf8");
  return {
    version: 1,
    gatewayId,
    natsUrl,
    ...(natsCa && { natsCa }),
    natsSeed: makeSeed(files, identityOf(gatewayId)),
    redisUrl: redisAddress === undefined ? redisUrl : elsewhere(redisUrl, redisAddress),
    authAddress,
    ...(authCa && { authCa }),
    serviceKey,
    privateKey: gatewayPrivateKey(files),
    region: REGION,
    baseDomain: BASE_DOMAIN,
  };
}

/** Shuts a gateway out, at once. */
export const deleteGateway = (stateDirectory: string, id: string): Change => shutOut(stateDirectory, identityOf(id));

/** The same URL, with its password, at another address. */
export function elsewhere(redisUrl: string, address: string): string {
  const url = new URL(redisUrl);
  url.host = address;
  return url.href;
}
