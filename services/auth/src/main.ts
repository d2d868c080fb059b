import { join } from "node:path";
import { AuditLog } from "@millrace/audit";
import { Lifecycle, serveOperations } from "@millrace/lifecycle";
import { OutboxLag } from "@millrace/projection";
import { RpcClient, ServiceIdentity, ServiceTrust } from "@millrace/rpc";
import { MasterKeyring } from "@millrace/sealing";
import { closeDatabase, DatabaseProbe, migrateWhenReachable, openDatabase } from "@millrace/sql";
import { createLogger, measureCalls, startTelemetry } from "@millrace/telemetry";
import { traceCalls } from "@millrace/telemetry/tracing";
import { READS } from "./access.ts";
import { buildApp, SCHEMA } from "./app.ts";
import { DeploymentClient } from "./authorizations/deployment-client.ts";
import { readConfig } from "./config.ts";
import { Sweeper } from "./expiring/sweeper.ts";
import { DRAIN } from "./limits.ts";
import { bootstrap } from "./people/bootstrap.ts";
import { PasswordHasher } from "./people/password-hasher.ts";
import { GrantsBus } from "./projecting/grants-bus.ts";

const SERVICE = "auth";
const MIGRATIONS = join(import.meta.dirname, "../migrations");

const config = readConfig(process.env);
const log = createLogger(config.logLevel, { service: SERVICE });
const lifecycle = new Lifecycle(log, DRAIN);

process.exit(await lifecycle.run(start));

async function start(): Promise<void> {
  const now = () => new Date();
  const telemetry = lifecycle.own("telemetry", startTelemetry(SERVICE, process.env));
  const sql = openDatabase({ url: config.databaseUrl.reveal(), schema: SCHEMA });
  lifecycle.own("database", { close: () => closeDatabase(sql) });
  const probe = lifecycle.own("database probe", new DatabaseProbe(sql));
  const lag = new OutboxLag();
  lag.register(telemetry, sql);
  const grants = lifecycle.own(
    "grants bus",
    new GrantsBus({ sql, schema: SCHEMA, ...config.nats, onWritten: (waitedMs) => lag.written(waitedMs), log }),
  );
  const { metrics } = telemetry;
  const readiness = () => ({ ready: probe.reachable, database: probe.reachable, relaying: grants.relaying });
  lifecycle.own("operations", await serveOperations({ ...config.operations, lifecycle, readiness, metrics }));

  const migrations = await migrateWhenReachable(sql, SCHEMA, MIGRATIONS, lifecycle.stopping);
  log.info({ migrations }, "the schema is current");
  const passwords = new PasswordHasher();
  if (config.bootstrap && (await bootstrap({ sql, now, passwords }, config.bootstrap.reveal()))) {
    log.info({}, "the first operator is made");
  }
  const audit = new AuditLog({ sql, reads: READS, log });
  await audit.keepPartitions();
  const sweeper = lifecycle.own("sweeper", new Sweeper({ sql, now, audit, log }));
  const identity = new ServiceIdentity(SERVICE, config.serviceKey.reveal());
  const controlPlane = lifecycle.own(
    "control-plane client",
    new RpcClient({ ...config.controlPlane, token: () => identity.tokenFor("control-plane") }),
  );
  const server = lifecycle.own(
    "rpc",
    buildApp({
      sql,
      now,
      audit,
      log,
      tls: config.tls,
      onCallEnd: measureCalls(telemetry, traceCalls(telemetry.spans, config.tracesSampleRatio)),
      trust: new ServiceTrust(SERVICE, config.serviceTrust.reveal()),
      passwords,
      masterKeys: MasterKeyring.parse(config.masterKey.reveal()),
      deployments: new DeploymentClient(controlPlane),
      bucketKeys: () => grants.keys(),
      selfRegistration: config.selfRegistration,
    }),
  );
  const port = await server.listen(config.grpc.host, config.grpc.port);
  log.info({ host: config.grpc.host, port }, "gRPC is served");
  for (const background of [sweeper, grants]) background.start();
}
