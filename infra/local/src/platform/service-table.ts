/**
 * The services of a platform as processes: which there are, on which ports, and the environment of each. Values in the
 * environment are addresses, limits and paths; every secret is a file that only the service's user reads.
 */
import { join } from "node:path";
import type { BusIdentity } from "@millrace/bus";
import { type Bubblewrap, bubblewrapEnvironment } from "../engines/find-bubblewrap.ts";
import type { Ports } from "../processes/ports.ts";
import { natsSeedFile, type PlatformSecrets, type ServiceName, serviceKeyFile } from "../secrets/platform-secrets.ts";
import type { SecretFiles } from "../secrets/secret-files.ts";
import { databaseUrlFile } from "./databases.ts";

export const REGION = "local-1";
export const BASE_DOMAIN = "localhost";

export type ServiceInstance = { readonly service: ServiceName; readonly id: string };

/** In the order in which they are started: those that others ask come first. */
export function serviceInstances(count: { readonly gateways: number; readonly runners: number }): ServiceInstance[] {
  const numbered = (service: ServiceName, prefix: string, many: number) =>
    Array.from({ length: many }, (_, index) => ({ service, id: `${prefix}-${index + 1}` }));
  return [
    { service: "control-plane", id: "control-plane-1" },
    { service: "auth", id: "auth-1" },
    ...numbered("function-runner", "runner", count.runners),
    ...numbered("gateway", "gateway", count.gateways),
    { service: "console", id: "console-1" },
  ];
}

/** Those that NATS knows; the console asks its peers only. */
export function busIdentities(instances: readonly ServiceInstance[]): BusIdentity[] {
  return instances.flatMap(({ service, id }) => (service === "console" ? [] : [{ service, id }]));
}

const SERVED: Readonly<Record<ServiceName, readonly string[]>> = {
  "control-plane": ["operations", "grpc"],
  auth: ["operations", "grpc"],
  "function-runner": ["operations"],
  gateway: ["operations", "http"],
  console: ["operations", "http"],
};

export function portNames(instances: readonly ServiceInstance[], overTls: boolean): string[] {
  return instances.flatMap(({ service, id }) => {
    const protocols = service === "gateway" && overTls ? [...SERVED[service], "https"] : SERVED[service];
    return protocols.map((protocol) => `${id}.${protocol}`);
  });
}

/** PEM files with a certificate for the platform's own hosts, and its private key. */
export type CertificateFiles = { readonly certificate: string; readonly key: string };

export type ServiceSettings = {
  readonly ports: Ports;
  readonly natsUrl: string;
  readonly files: SecretFiles;
  readonly secrets: PlatformSecrets;
  readonly redisUrlFile: string;
  /** Where runners keep what sandboxes may enter. */
  readonly runnersFolder: string;
  readonly runnerMinimumTier: string;
  /** With it sandboxes are walled in; without it the tier is lower. */
  readonly bubblewrap: Bubblewrap | undefined;
  readonly runnerSlots: number | undefined;
  readonly egressAllow: readonly string[];
  readonly backendAllow: readonly string[];
  readonly webhookAllow: readonly string[];
  /** Gateways listen for TLS too. */
  readonly https: { readonly certificate?: CertificateFiles | undefined } | undefined;
  readonly dnsServers: readonly string[];
  readonly logLevel: string;
  /** Where traces go, and how many. */
  readonly telemetry: Readonly<Record<string, string>>;
};

export const addressOf = (ports: Ports, id: string, protocol: string): string =>
  `127.0.0.1:${ports[`${id}.${protocol}`]}`;

export function serviceEnvironment(instance: ServiceInstance, settings: ServiceSettings): Record<string, string> {
  const { ports, files } = settings;
  const { service, id } = instance;
  const address = (protocol: string) => addressOf(ports, id, protocol);
  const general = {
    ...settings.telemetry,
    MILLRACE_LOG_LEVEL: settings.logLevel,
    MILLRACE_OPERATIONS_ADDRESS: address("operations"),
    MILLRACE_SERVICE_KEY_FILE: serviceKeyFile(files, service),
    MILLRACE_SERVICE_TRUST_FILE: settings.secrets.trustFile,
  };
  const own = SPECIFIC[service](instance, settings, address);
  if (service === "console") return { ...general, ...own };
  return {
    ...general,
    MILLRACE_NATS_URL: settings.natsUrl,
    MILLRACE_NATS_SEED_FILE: natsSeedFile(files, { service, id }),
    ...own,
  };
}

const TELEMETRY = /^(?:OTEL_|MILLRACE_TRACES_|MILLRACE_REQUESTS_TOLD$)/;

/** What of an environment is meant for the telemetry of all services: OpenTelemetry's own variables, and the part that is sampled. */
export function telemetryIn(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (TELEMETRY.test(name) && value ? [[name, value]] : [])),
  );
}

type Specific = (
  instance: ServiceInstance,
  settings: ServiceSettings,
  address: (protocol: string) => string,
) => Record<string, string>;

const SPECIFIC: Readonly<Record<ServiceName, Specific>> = {
  "control-plane": (_, settings, address) => ({
    MILLRACE_GRPC_ADDRESS: address("grpc"),
    MILLRACE_AUTH_ADDRESS: addressOf(settings.ports, "auth-1", "grpc"),
    MILLRACE_DATABASE_URL_FILE: databaseUrlFile(settings.files, "control-plane"),
    MILLRACE_REGION: REGION,
    MILLRACE_BASE_DOMAIN: BASE_DOMAIN,
    MILLRACE_GATEWAY_PUBLIC_URL: gatewayPublicUrl(settings.ports),
    MILLRACE_RUNNER_PUBLIC_KEY_FILE: settings.secrets.runnerPublicKeyFile,
    MILLRACE_GATEWAY_PUBLIC_KEY_FILE: settings.secrets.gatewayPublicKeyFile,
    MILLRACE_CONTROL_PLANE_DNS_SERVERS: settings.dnsServers.join(),
    MILLRACE_MASTER_KEY_FILE: settings.secrets.controlPlaneKeyFile,
    MILLRACE_WEBHOOK_ALLOW: settings.webhookAllow.join(),
  }),
  auth: (_, settings, address) => ({
    MILLRACE_GRPC_ADDRESS: address("grpc"),
    MILLRACE_CONTROL_PLANE_ADDRESS: addressOf(settings.ports, "control-plane-1", "grpc"),
    MILLRACE_DATABASE_URL_FILE: databaseUrlFile(settings.files, "auth"),
    MILLRACE_MASTER_KEY_FILE: settings.secrets.masterKeyFile,
    MILLRACE_BOOTSTRAP_FILE: settings.secrets.bootstrapFile,
  }),
  "function-runner": ({ id }, settings) => ({
    MILLRACE_RUNNER_ID: id,
    MILLRACE_RUNNER_CACHE_DIRECTORY: join(settings.runnersFolder, id),
    MILLRACE_RUNNER_PRIVATE_KEY_FILE: settings.secrets.runnerPrivateKeyFile,
    MILLRACE_RUNNER_MINIMUM_TIER: settings.runnerMinimumTier,
    ...bubblewrapEnvironment(settings.bubblewrap),
    MILLRACE_RUNNER_EGRESS_ALLOW: settings.egressAllow.join(),
    ...(settings.runnerSlots !== undefined && { MILLRACE_RUNNER_SLOTS: String(settings.runnerSlots) }),
  }),
  gateway: ({ id }, settings, address) => ({
    MILLRACE_HTTP_ADDRESS: address("http"),
    ...(isShared(settings.ports) && { MILLRACE_HTTP_SHARED_ADDRESS: addressOf(settings.ports, "gateway", "http") }),
    ...(settings.https && httpsEnvironment(settings, settings.https, address("https"))),
    MILLRACE_GATEWAY_ID: id,
    MILLRACE_GATEWAY_BACKEND_ALLOW: settings.backendAllow.join(),
    MILLRACE_REDIS_URL_FILE: settings.redisUrlFile,
    MILLRACE_AUTH_ADDRESS: addressOf(settings.ports, "auth-1", "grpc"),
    MILLRACE_REGION: REGION,
    MILLRACE_BASE_DOMAIN: BASE_DOMAIN,
  }),
  console: (_, settings, address) => ({
    MILLRACE_HTTP_ADDRESS: address("http"),
    MILLRACE_GATEWAY_PUBLIC_URL: gatewayPublicUrl(settings.ports),
    MILLRACE_CONTROL_PLANE_ADDRESS: addressOf(settings.ports, "control-plane-1", "grpc"),
    MILLRACE_AUTH_ADDRESS: addressOf(settings.ports, "auth-1", "grpc"),
  }),
};

function httpsEnvironment(
  { ports, secrets }: ServiceSettings,
  { certificate }: NonNullable<ServiceSettings["https"]>,
  address: string,
): Record<string, string> {
  return {
    MILLRACE_HTTPS_ADDRESS: address,
    ...(isShared(ports) && { MILLRACE_HTTPS_SHARED_ADDRESS: addressOf(ports, "gateway", "https") }),
    MILLRACE_GATEWAY_PRIVATE_KEY_FILE: secrets.gatewayPrivateKeyFile,
    ...(certificate && {
      MILLRACE_HTTPS_CERTIFICATE_FILE: certificate.certificate,
      MILLRACE_HTTPS_KEY_FILE: certificate.key,
    }),
  };
}

const isShared = (ports: Ports): boolean => ports["gateway.http"] !== ports["gateway-1.http"];

/** Of all gateways, the shared one too: functions may call functions. */
export function gatewayAddresses(instances: readonly ServiceInstance[], ports: Ports): string[] {
  const own = instances.filter(({ service }) => service === "gateway").map(({ id }) => addressOf(ports, id, "http"));
  return [...new Set([addressOf(ports, "gateway", "http"), ...own])];
}

export const gatewayPublicUrl = (ports: Ports): string => `http://${addressOf(ports, "gateway", "http")}`;
export const gatewayHttpsUrl = (ports: Ports): string => `https://${addressOf(ports, "gateway", "https")}`;
export const consoleUrl = (ports: Ports): string => `http://${addressOf(ports, "console-1", "http")}`;
