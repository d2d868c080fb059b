import { loadConfig } from "@millrace/config";
import { Lifecycle, serveOperations } from "@millrace/lifecycle";
import { RpcClient } from "@millrace/rpc";
import { createLogger, startTelemetry } from "@millrace/telemetry";
import { buildApp } from "./app.ts";
import { configShape } from "./config.ts";
import { serveHttp } from "./http/http-server.ts";
import { DRAIN_TIMEOUT_MS } from "./limits.ts";

const config = loadConfig(process.env, configShape);
const log = createLogger(config.LOG_LEVEL, { service: "console" });
const lifecycle = new Lifecycle(log, { lagMs: 0, timeoutMs: DRAIN_TIMEOUT_MS + 1_000 });

process.exit(await lifecycle.run(start));

async function start(): Promise<void> {
  const telemetry = lifecycle.own("telemetry", startTelemetry("console", process.env));
  const tls = config.TLS_CA_FILE === undefined ? {} : { caFile: config.TLS_CA_FILE };
  const controlPlane = lifecycle.own(
    "control-plane client",
    new RpcClient({ address: config.CONTROL_PLANE_ADDRESS, ...tls }),
  );
  const auth = lifecycle.own("auth client", new RpcClient({ address: config.AUTH_ADDRESS, ...tls }));

  const publicUrl = config.CONSOLE_PUBLIC_URL;
  const origins = { secure: publicUrl?.protocol === "https:", publicOrigin: publicUrl?.origin };
  const app = buildApp({ controlPlane, auth, gatewayUrl: config.GATEWAY_PUBLIC_URL, origins });

  lifecycle.own(
    "operations",
    await serveOperations({ ...config.OPERATIONS_ADDRESS, lifecycle, metrics: () => telemetry.metrics() }),
  );
  lifecycle.own("http", await serveHttp({ ...config.HTTP_ADDRESS, log, secure: origins.secure, handle: app.handle }));
}
