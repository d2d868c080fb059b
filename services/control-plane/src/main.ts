import { Lifecycle, serveOperations } from "@millrace/lifecycle";
import { OutboundGuard } from "@millrace/outbound";
import { ServiceIdentity, ServiceTrust } from "@millrace/rpc";
import { MasterKeyring, sealToKey } from "@millrace/sealing";
import { closeDatabase, DatabaseProbe, migrateWhenReachable, openDatabase } from "@millrace/sql";
import { createLogger, measureCalls, startTelemetry } from "@millrace/telemetry";
import { traceCalls } from "@millrace/telemetry/tracing";
import { registerAlarmMetrics } from "./alarms/alarm-metrics.ts";
import { buildApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { txtLookup } from "./domains/txt-lookup.ts";
import { registerEventMetrics } from "./events/event-metrics.ts";
import { registerStreamMetrics } from "./events/stream-metrics.ts";
import { IdentityClient } from "./identity/identity-client.ts";
import { DRAIN } from "./limits.ts";

const SERVICE = "control-plane";
const SCHEMA = "control_plane";
const MIGRATIONS = new URL("../migrations", import.meta.url).pathname;

const config = readConfig(process.env);
const log = createLogger(config.logLevel, { service: SERVICE });
const lifecycle = new Lifecycle(log, DRAIN);

process.exit(await lifecycle.run(start));

async function start(): Promise<void> {
  const telemetry = lifecycle.own("telemetry", startTelemetry(SERVICE, process.env));
  const sql = openDatabase({ url: config.databaseUrl.reveal(), schema: SCHEMA });
  lifecycle.own("database", { close: () => closeDatabase(sql) });
  const probe = lifecycle.own("database probe", new DatabaseProbe(sql));
  const readiness = () => ({ ready: probe.reachable, database: probe.reachable });
  const { metrics } = telemetry;
  lifecycle.own("operations", await serveOperations({ ...config.operations, lifecycle, readiness, metrics }));
  await migrateWhenReachable(sql, SCHEMA, MIGRATIONS, lifecycle.stopping);

  const identity = new ServiceIdentity(SERVICE, config.serviceKey.reveal());
  const auth = lifecycle.own("auth client", new IdentityClient({ ...config.auth, identity }));
  const runnerKey = config.runnerPublicKey.reveal();
  const gatewayKey = config.gatewayPublicKey.reveal();
  const app = buildApp({
    log,
    sql,
    schema: SCHEMA,
    bus: { ...config.nats, identity: { service: SERVICE, id: config.controlPlaneId } },
    auth,
    trust: new ServiceTrust(SERVICE, config.serviceTrust.reveal()),
    seal: (context, value) => sealToKey(runnerKey, Buffer.from(value), context),
    sealToGateways: (context, value) => sealToKey(gatewayKey, Buffer.from(value), context),
    lookUpTxt: txtLookup(config.dnsServers),
    keyring: MasterKeyring.parse(config.masterKey.reveal()),
    webhookGuard: new OutboundGuard({
      allow: config.webhookAllow,
      busUrl: config.nats.url,
      setting: "MILLRACE_WEBHOOK_ALLOW",
    }),
    addresses: config.addresses,
    clock: () => new Date(),
    random: Math.random,
    stopping: lifecycle.stopping,
    tls: config.tls,
    onCallEnd: measureCalls(telemetry, traceCalls(telemetry.spans, config.tracesSampleRatio)),
  });
  app.outboxLag.register(telemetry, sql);
  registerAlarmMetrics(telemetry, app.alarms);
  registerEventMetrics(telemetry, app.eventReaders);
  registerStreamMetrics(telemetry, app.link);
  await app.keepAuditPartitions();
  lifecycle.own("bus", app.link).start();
  lifecycle.own("upkeep", app.startUpkeep());
  await app.rpc.listen(config.grpc.host, config.grpc.port);
  lifecycle.own("grpc", app.rpc);
}
