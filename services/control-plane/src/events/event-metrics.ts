import type { Telemetry } from "@millrace/telemetry";
import type { GapCause } from "./gap.ts";

export type MissingCounts = Readonly<Record<GapCause, number>>;

/** Of all projects together, read when it is scraped. */
export function registerEventMetrics(
  { meter }: Pick<Telemetry, "meter">,
  readers: readonly { stream: string; missing: MissingCounts }[],
): void {
  meter
    .createObservableCounter("control_plane_events_missing_total", {
      description: "Requests, and lines of logs, that were told of and are not kept",
    })
    .addCallback((result) => {
      for (const { stream, missing } of readers) {
        for (const [cause, count] of Object.entries(missing)) result.observe(count, { stream, cause });
      }
    });
}
