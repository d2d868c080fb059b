/** `millrace gateway join`: one gateway in the foreground, for a platform that runs elsewhere. */
import { join } from "node:path";
import { makePrivateDirectory } from "../paths.ts";
import { serviceProcess } from "../platform/service-processes.ts";
import type { CertificateFiles } from "../platform/service-table.ts";
import { telemetryIn } from "../platform/service-table.ts";
import { choosePorts } from "../processes/ports.ts";
import type { SecretFiles } from "../secrets/secret-files.ts";
import type { GatewayBundle } from "./gateway-bundle.ts";
import { elsewhere } from "./joined-gateways.ts";
import { type Place, stayJoined } from "./stay-joined.ts";

export type GatewayJoinOptions = {
  /** Where it keeps its secrets and logs; by default in `.millrace` of this clone. */
  readonly stateDirectory?: string | undefined;
  /** `host:port` that callers reach. */
  readonly listen: string;
  /** `host:port` that callers reach over TLS; by default there is none. */
  readonly listenHttps?: string | undefined;
  /** For the platform's own hosts; custom ones bring theirs. */
  readonly certificate?: CertificateFiles | undefined;
  /** `host:port` of /livez, /readyz and /metrics; by default a free port of loopback. */
  readonly operations?: string | undefined;
  /** What the bundle says, seen from here: through tunnels, for instance. */
  readonly natsUrl?: string | undefined;
  readonly redisAddress?: string | undefined;
  readonly authAddress?: string | undefined;
  readonly say: (line: string) => void;
};

/** Runs until a signal comes. Rejects when it cannot join, or must leave. */
export function joinGateway(bundle: GatewayBundle, options: GatewayJoinOptions): Promise<void> {
  const identity = { service: "gateway", id: bundle.gatewayId } as const;
  const joining = { ...bundle, ...options, identity, natsUrl: options.natsUrl ?? bundle.natsUrl };
  return stayJoined(joining, (place) => prepareGateway(bundle, options, place));
}

async function prepareGateway(bundle: GatewayBundle, options: GatewayJoinOptions, place: Place) {
  const { gatewayId: id, redisUrl, authCa, serviceKey, region, baseDomain } = bundle;
  const { listen, redisAddress, authAddress = bundle.authAddress, say } = options;
  const { files, state, host, natsEnvironment } = place;
  const operationsAddress = options.operations ?? `127.0.0.1:${(await choosePorts(["operations"], {})).operations}`;
  const env = {
    ...telemetryIn(globalThis.process.env),
    ...natsEnvironment,
    MILLRACE_OPERATIONS_ADDRESS: operationsAddress,
    MILLRACE_HTTP_ADDRESS: listen,
    ...(options.listenHttps && httpsEnvironment(bundle, options.listenHttps, options.certificate, files)),
    MILLRACE_GATEWAY_ID: id,
    MILLRACE_REDIS_URL_FILE: files.write("redis.url", redisAddress ? elsewhere(redisUrl, redisAddress) : redisUrl),
    MILLRACE_AUTH_ADDRESS: authAddress,
    ...(authCa && { MILLRACE_TLS_CA_FILE: files.write("auth-ca.pem", authCa) }),
    MILLRACE_SERVICE_KEY_FILE: files.write("service.pem", serviceKey),
    MILLRACE_REGION: region,
    MILLRACE_BASE_DOMAIN: baseDomain,
  };
  const logsFolder = makePrivateDirectory(join(state, "logs"));
  const process = serviceProcess({ service: "gateway", id, env, operationsAddress, logsFolder }, host);
  const welcome = async () => {
    say(`${id} answers at http://${listen}; http://${operationsAddress}/readyz says whether it wants requests`);
    say(`logs are in ${logsFolder}; Ctrl-C lets it finish what runs, then stops it`);
  };
  return { process, welcome };
}

function httpsEnvironment(
  { privateKey }: GatewayBundle,
  address: string,
  certificate: CertificateFiles | undefined,
  files: SecretFiles,
): Record<string, string> {
  if (privateKey === undefined) throw new Error("the bundle is too old to serve TLS: let the gateway in again");
  return {
    MILLRACE_HTTPS_ADDRESS: address,
    MILLRACE_GATEWAY_PRIVATE_KEY_FILE: files.write("gateway-private.pem", privateKey),
    ...(certificate && {
      MILLRACE_HTTPS_CERTIFICATE_FILE: certificate.certificate,
      MILLRACE_HTTPS_KEY_FILE: certificate.key,
    }),
  };
}
