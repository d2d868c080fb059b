import { connectBus } from "@millrace/bus";
import { Lifecycle, scheduleAsBatch, serveOperations } from "@millrace/lifecycle";
import { OutboundGuard } from "@millrace/outbound";
import { ServiceIdentity } from "@millrace/rpc";
import { createLogger, startTelemetry } from "@millrace/telemetry";
import { createAuthClient } from "./access/auth-client.ts";
import { connectRedis } from "./access/redis-connection.ts";
import { buildApp } from "./app.ts";
import { readConfig } from "./config.ts";

const config = readConfig(process.env);
const log = createLogger(config.logLevel, { service: "gateway", gateway: config.gatewayId });
const lifecycle = new Lifecycle(log, config.drain);

process.exit(await lifecycle.run(start));

async function start(): Promise<void> {
  await scheduleAsBatch();
  const telemetry = lifecycle.own("telemetry", startTelemetry("gateway", process.env, config.gatewayId));
  const bus = await connectBus({ ...config.nats, identity: { service: "gateway", id: config.gatewayId } }, log);
  // Not before the gateway is closed: until then it cancels what its callers do not wait for.
  lifecycle.own("nats", { close: () => bus.drain() });
  const redis = connectRedis(config.redisUrl.reveal(), log);
  lifecycle.own("redis", { close: () => redis.disconnect() });
  const identity = new ServiceIdentity("gateway", config.serviceKey.reveal());
  const auth = lifecycle.own("auth client", createAuthClient({ ...config.auth, identity }));

  const outbound = new OutboundGuard({
    allow: config.backendAllow,
    busUrl: config.nats.url,
    setting: "the gateway's MILLRACE_GATEWAY_BACKEND_ALLOW",
  });
  const app = buildApp({
    ...config,
    log,
    bus,
    redis,
    deriver: auth,
    connector: (signal) => outbound.connector(signal),
    meter: telemetry.meter,
    addHistogram: telemetry.addHistogram,
    spans: telemetry.spans,
    output: process.stdout,
    wallClockMs: Date.now,
    steadyClockMs: () => performance.now(),
    random: Math.random,
  });
  lifecycle.own(
    "operations",
    await serveOperations({
      ...config.operations,
      lifecycle,
      readiness: () => app.readiness(),
      metrics: () => telemetry.metrics(),
    }),
  );
  lifecycle.own("http", app);
  await app.start(lifecycle.stopping);
  lifecycle.stopping.addEventListener("abort", () => void app.beginDrain());
  log.info({ port: app.http.port }, "the gateway serves");
}
