import { totalmem } from "node:os";
import { connectBus } from "@millrace/bus";
import { Lifecycle, scheduleAsBatch, serveOperations } from "@millrace/lifecycle";
import { createLogger, startTelemetry } from "@millrace/telemetry";
import { buildApp, type RunnerApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { PLACING_LIMITS } from "./limits.ts";
import { registerMetrics } from "./metrics.ts";
import { openStores } from "./placing/bus-stores.ts";
import { closeInherited } from "./sandbox/inherited.ts";
import { openSandboxes } from "./sandbox/open-sandboxes.ts";
import { prepareRuntimeFolder } from "./sandbox/runtime-folder.ts";

closeInherited();
const config = readConfig(process.env);
const { runnerId, cacheDirectory } = config;
const log = createLogger(config.logLevel, { service: "function-runner", runner: runnerId });
const lifecycle = new Lifecycle(log, {
  ...config.drain,
  timeoutMs: config.drain.timeoutMs + PLACING_LIMITS.closeMarginMs,
});

process.exit(await lifecycle.run(start));

async function start(): Promise<void> {
  await scheduleAsBatch();
  const telemetry = lifecycle.own("telemetry", startTelemetry("function-runner", process.env, runnerId));
  const runtime = await prepareRuntimeFolder(cacheDirectory);
  const supply = lifecycle.own("sandboxes", await openSandboxes(runtime, config, log));
  const { tier, shortfall } = supply.launcher;
  let app: RunnerApp | undefined;
  const readiness = () => ({ ready: false, ...app?.readiness(), tier, shortfall });
  const metrics = () => telemetry.metrics();
  lifecycle.own("operations", await serveOperations({ ...config.operations, lifecycle, readiness, metrics }));
  const identity = { service: "function-runner", id: runnerId } as const;
  const bus = await connectBus({ ...config.nats, identity }, log);
  // Not before the runner is closed: until then it beats and answers.
  lifecycle.own("nats", { close: () => bus.drain() });
  const stores = await openStores(bus, log, lifecycle.stopping);
  app = lifecycle.own(
    "runner",
    buildApp({
      ...config,
      memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Infinity),
      privateKeyPem: config.privateKey.reveal(),
      drainTimeoutMs: config.drain.timeoutMs,
      log,
      bus,
      stores,
      supply,
      spans: telemetry.spans,
    }),
  );
  registerMetrics(telemetry, app, tier);
  await app.start();
  log.info({ tier, slots: config.slots }, "the runner takes invocations");
}
