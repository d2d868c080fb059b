import { Lifecycle, serveOperations } from "@millrace/lifecycle";
import { ServiceIdentity, ServiceTrust } from "@millrace/rpc";
import { sealToKey } from "@millrace/sealing";
import { migrate, openDatabase } from "@millrace/sql";
import { createLogger, startTelemetry } from "@millrace/telemetry";
import { buildApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { IdentityClient } from "./identity/identity-client.ts";

const SCHEMA = "control_plane";
const MIGRATIONS = new URL("../migrations", import.meta.url).pathname;

const config = readConfig(process.env);
const log = createLogger(config.LOG_LEVEL, { service: "control-plane" });
const lifecycle = new Lifecycle(log, { lagMs: 0, timeoutMs: 10_000 });

process.exit(await lifecycle.run(start));

async function start(): Promise<void> {
  const telemetry = lifecycle.own("telemetry", startTelemetry("control-plane", process.env));
  const operations = { ...config.OPERATIONS_ADDRESS, lifecycle, metrics: telemetry.metrics };
  lifecycle.own("operations", await serveOperations(operations));

  const sql = openDatabase({ url: config.DATABASE_URL_FILE.reveal(), schema: SCHEMA });
  lifecycle.own("database", { close: () => sql.end({ timeout: 5 }) });
  await migrate(sql, SCHEMA, MIGRATIONS);

  const identity = new ServiceIdentity("control-plane", config.SERVICE_KEY_FILE.reveal());
  const auth = lifecycle.own(
    "auth client",
    new IdentityClient({ address: config.AUTH_ADDRESS, caFile: config.TLS_CA_FILE, identity }),
  );
  const runnerKey = config.RUNNER_PUBLIC_KEY_FILE.reveal();
  const seed = config.NATS_SEED_FILE?.reveal();
  const app = buildApp({
    log,
    sql,
    schema: SCHEMA,
    bus: {
      url: config.NATS_URL,
      ...(seed !== undefined && { seed }),
      identity: { service: "control-plane", id: config.CONTROL_PLANE_ID },
    },
    auth,
    trust: new ServiceTrust("control-plane", config.SERVICE_TRUST_FILE.reveal()),
    seal: (context, value) => sealToKey(runnerKey, Buffer.from(value), context),
    addresses: {
      region: config.REGION,
      baseDomain: config.BASE_DOMAIN,
      gatewayPublicUrl: config.GATEWAY_PUBLIC_URL,
    },
    clock: () => new Date(),
    ...(config.tls && { tls: config.tls }),
  });
  lifecycle.own("bus", app.link).start();
  lifecycle.own("upkeep", app.startUpkeep());
  await app.rpc.listen(config.GRPC_ADDRESS.host, config.GRPC_ADDRESS.port);
  lifecycle.own("grpc", app.rpc);
}
