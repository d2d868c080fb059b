import { Lifecycle, serveOperations } from "@millrace/lifecycle";
import { RpcClient, ServiceIdentity, type ServiceName } from "@millrace/rpc";
import { createLogger, startTelemetry } from "@millrace/telemetry";
import { buildApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { serveHttp } from "./http/http-server.ts";
import { DRAIN } from "./limits.ts";

const SERVICE = "console";

const config = readConfig(process.env);
const log = createLogger(config.logLevel, { service: SERVICE });
const lifecycle = new Lifecycle(log, DRAIN);

process.exit(await lifecycle.run(start));

async function start(): Promise<void> {
  const { metrics } = lifecycle.own("telemetry", startTelemetry(SERVICE, process.env));
  const identity = config.serviceKey && new ServiceIdentity(SERVICE, config.serviceKey.reveal());
  const forwarderTo = (callee: ServiceName) => identity && (() => identity.tokenFor(callee));
  const controlPlane = lifecycle.own(
    "control-plane client",
    new RpcClient({ ...config.controlPlane, forwarder: forwarderTo("control-plane") }),
  );
  const auth = lifecycle.own("auth client", new RpcClient({ ...config.auth, forwarder: forwarderTo("auth") }));
  const { gatewayUrl, origins } = config;
  const { handle } = buildApp({ controlPlane, auth, gatewayUrl, origins });
  lifecycle.own("operations", await serveOperations({ ...config.operations, lifecycle, metrics }));
  lifecycle.own("http", await serveHttp({ ...config.http, log, secure: origins.secure, handle }));
}
