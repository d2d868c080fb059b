import type { Telemetry } from "@millrace/telemetry";
import type { RunnerApp } from "./app.ts";
import { TIERS, type Tier } from "./sandbox/tier.ts";

/** Everything that this runner counts, read when it is scraped. */
export function registerMetrics(meter: Telemetry["meter"], app: RunnerApp, tier: Tier): void {
  const gauge = (name: string, description: string, read: () => number) =>
    meter.createObservableGauge(name, { description }).addCallback((result) => result.observe(read()));
  const counter = (name: string, description: string, read: () => number) =>
    meter.createObservableCounter(name, { description }).addCallback((result) => result.observe(read()));

  gauge("runner_slots", "Invocations that run at a time at most", () => app.facts().slots);
  gauge("runner_slots_busy", "Invocations that run", () => app.facts().slotsBusy);
  gauge("runner_instances", "Threads that hold a function version", () => app.facts().instances);
  counter("runner_sandboxes_started_total", "Sandboxes started", () => app.facts().started);
  counter("runner_sandbox_violations_total", "Sandboxes killed for what they sent", () => app.facts().violations);
  counter("runner_log_batches_dropped_total", "Log batches over the bound", () => app.facts().logsDropped);
  meter
    .createObservableCounter("runner_rejections_total", { description: "Invocations not taken" })
    .addCallback((result) => {
      for (const [rejection, count] of Object.entries(app.facts().rejections)) result.observe(count, { rejection });
    });
  meter
    .createObservableGauge("runner_isolation_tier", { description: "1 for the tier that the sandboxes have" })
    .addCallback((result) => {
      for (const name of TIERS) result.observe(name === tier ? 1 : 0, { tier: name });
    });
}
