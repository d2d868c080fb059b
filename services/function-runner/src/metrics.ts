import type { Telemetry } from "@millrace/telemetry";
import type { RunnerApp } from "./app.ts";
import type { UsageTotals } from "./instances/function-usage.ts";
import { TIERS, type Tier } from "./sandbox/tier.ts";

type Metering = Pick<Telemetry, "meter" | "addHistogram">;

/** Everything that this runner counts, read when it is scraped. */
export function registerMetrics({ meter, addHistogram }: Metering, app: RunnerApp, tier: Tier): void {
  const gauge = (name: string, description: string, read: () => number) =>
    meter.createObservableGauge(name, { description }).addCallback((result) => result.observe(read()));
  const counter = (name: string, description: string, read: () => number) =>
    meter.createObservableCounter(name, { description }).addCallback((result) => result.observe(read()));

  gauge("runner_slots", "Invocations that run at a time at most", () => app.facts().slots);
  gauge("runner_slots_busy", "Invocations that run", () => app.facts().slotsBusy);
  gauge("runner_instances", "Threads that hold a function version", () => app.facts().instances);
  counter("runner_sandboxes_started_total", "Sandboxes started", () => app.facts().started);
  counter("runner_sandbox_violations_total", "Sandboxes killed for what they sent", () => app.facts().violations);
  counter(
    "runner_log_entries_dropped_total",
    "Log lines and ends of invocations that nobody was told of",
    () => app.facts().logEntriesDropped,
  );
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
  meter
    .createObservableCounter("runner_egress_connections_total", {
      description: "Connections of functions, by what became of them",
    })
    .addCallback((result) => {
      for (const [outcome, count] of app.egress.outcomes) result.observe(count, { outcome });
    });
  meter
    .createObservableCounter("runner_egress_bytes_total", {
      description: "What functions sent and received over their connections",
    })
    .addCallback((result) => {
      result.observe(app.egress.bytesOut, { direction: "out" });
      result.observe(app.egress.bytesIn, { direction: "in" });
    });
  counter("runner_egress_unwritten_total", "Lines of the audit over the bound", () => app.egress.unwritten);
  counter(
    "runner_usage_series_dropped_total",
    "Invocations beyond the bound of series, and series of minutes that the bus did not take",
    () => app.facts().usageDropped,
  );
  registerUsage(meter, app);
  addHistogram({
    name: "runner_function_duration_seconds",
    description: "From acceptance to the end, by function",
    read: () => [...app.usage.totals].map((totals) => ({ ...totals, labels: namesOf(totals) })),
  });
}

/** By function. */
function registerUsage(meter: Telemetry["meter"], app: RunnerApp): void {
  const sums: [string, string, (totals: UsageTotals) => number][] = [
    ["runner_function_cold_starts_total", "Invocations that waited for their instance to load", (t) => t.coldStarts],
    ["runner_function_cpu_seconds_total", "Processor time of the calls", (t) => t.cpuUs / 1e6],
    ["runner_function_bytes_in_total", "Requests, head and body", (t) => t.bytesIn],
    ["runner_function_bytes_out_total", "Responses, head and body", (t) => t.bytesOut],
  ];
  for (const [name, description, read] of sums) {
    meter.createObservableCounter(name, { description }).addCallback((result) => {
      for (const totals of app.usage.totals) result.observe(read(totals), namesOf(totals));
    });
  }
  meter
    .createObservableGauge("runner_function_memory_bytes_max", { description: "The most an instance held" })
    .addCallback((result) => {
      for (const totals of app.usage.totals) result.observe(totals.memoryKibMax * 1024, namesOf(totals));
    });
  meter
    .createObservableCounter("runner_function_invocations_total", { description: "Invocations, by how they ended" })
    .addCallback((result) => {
      for (const totals of app.usage.totals) {
        for (const [outcome, count] of totals.outcomes) result.observe(count, { ...namesOf(totals), outcome });
      }
    });
}

function namesOf({ project, function: name }: UsageTotals): { project: string; function: string } {
  return { project, function: name };
}
