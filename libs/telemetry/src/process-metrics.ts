import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Meter } from "@opentelemetry/api";

const RESOLUTION_MS = 20;
/** What is read again within this time is the same. */
const WINDOW_MS = 10_000;
const QUANTILES = { "0.5": 50, "0.99": 99, "1": 100 } as const;

/** How the process itself is doing: how late its event loop is, its processor time, its memory. Answers what ends the watch. */
export function watchProcess(meter: Meter): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let readAt = performance.now();
  let seen: Record<string, number> = {};
  const read = () => {
    if (performance.now() - readAt < WINDOW_MS && Object.keys(seen).length > 0) return seen;
    readAt = performance.now();
    // The histogram holds how long each turn of its timer took, so what was late is beyond the resolution.
    const lateS = (ns: number) => Math.max(0, ns / 1e9 - RESOLUTION_MS / 1e3);
    const isEmpty = delay.count === 0;
    seen = Object.fromEntries(
      Object.entries(QUANTILES).map(([name, percentile]) => [name, isEmpty ? 0 : lateS(delay.percentile(percentile))]),
    );
    delay.reset();
    return seen;
  };
  meter
    .createObservableGauge("process_event_loop_delay_seconds", { description: "How late the event loop was" })
    .addCallback((result) => {
      for (const [quantile, seconds] of Object.entries(read())) result.observe(seconds, { quantile });
    });
  meter
    .createObservableCounter("process_cpu_seconds_total", { description: "Processor time" })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe((user + system) / 1e6);
    });
  meter
    .createObservableGauge("process_resident_memory_bytes", { description: "Resident memory" })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));
  return () => delay.disable();
}
