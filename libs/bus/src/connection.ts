import { isIP } from "node:net";
import { PlatformError } from "@millrace/errors";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";
import { type BusIdentity, inboxPrefix } from "./permissions.ts";

export interface BusConfig {
  /** `nats://host:port`, or `tls://host:port` to talk to nobody who does not prove to be that host. */
  url: string;
  /** PEM file of the authority that signed the server's certificate, where it is none that Node knows. */
  caFile?: string | undefined;
  /** The user's nkey seed; absent only where the server asks for none. */
  seed?: string | undefined;
  identity: BusIdentity;
}

export interface BusLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_WAIT_MS = 100;
const PING_INTERVAL_MS = 10_000;

/** Connects, and for ever reconnects. Status changes and refused subjects are logged. */
export async function connectBus(config: BusConfig, log: BusLog): Promise<NatsConnection> {
  const { url, seed, caFile, identity } = config;
  const connection = await connect({
    servers: url,
    name: `${identity.service}/${identity.id}`,
    inboxPrefix: inboxPrefix(identity),
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    pingInterval: PING_INTERVAL_MS,
    ignoreAuthErrorAbort: true,
    ...tlsOf(url, caFile),
    ...(seed && { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) }),
  }).catch((cause: unknown) => {
    throw busUnavailable(cause, `at ${url}`);
  });
  void logStatus(connection, log);
  return connection;
}

/** The client believes a server that asks for no TLS unless it is told to, and holds a certificate of an address against `localhost`. */
function tlsOf(url: string, caFile: string | undefined): { tls?: { caFile?: string } } {
  if (!url.startsWith("tls:")) return {};
  if (isIP(new URL(url).hostname.replace(/^\[|\]$/g, "")) !== 0) {
    throw new Error(`${url} must name the server by its host name, which its certificate is checked against`);
  }
  return { tls: caFile === undefined ? {} : { caFile } };
}

async function logStatus(connection: NatsConnection, log: BusLog): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "ping") continue;
    if (status.type === "error") log.warn({ err: status.error }, "NATS reports an error");
    else log.info({ status: status.type }, "NATS connection");
  }
}

/** What a call answers that needs the bus while it is away. `internal` is for logs. */
export function busUnavailable(cause?: unknown, internal?: string): PlatformError {
  return new PlatformError("unavailable", "The message bus cannot be reached; try again.", {
    reason: "bus_unavailable",
    ...(internal !== undefined && { internal }),
    cause,
  });
}
