import type { Telemetry } from "@millrace/telemetry";
import type { Usage } from "./usage.ts";
import type { ApiTotals } from "./usage-totals.ts";

/** Rate, errors and duration by API, as they were counted for the usage stream. */
export function registerUsageMetrics({ meter, addHistogram }: Pick<Telemetry, "meter" | "addHistogram">, usage: Usage) {
  meter
    .createObservableCounter("gateway_api_requests_total", { description: "Requests by API and class of status" })
    .addCallback((result) => {
      for (const totals of usage.totals()) {
        for (const [statusClass, count] of Object.entries(totals.classes)) {
          if (count > 0) result.observe(count, { ...namesOf(totals), class: statusClass });
        }
      }
    });
  addHistogram({
    name: "gateway_api_request_duration_seconds",
    description: "From the head of a request to the end of its answer, by API",
    read: () => [...usage.totals()].map((totals) => ({ ...totals, labels: namesOf(totals) })),
  });
  meter
    .createObservableCounter("gateway_usage_series_dropped_total", {
      description: "Requests beyond the bound of series, and series of minutes that the bus did not take",
    })
    .addCallback((result) => result.observe(usage.dropped));
}

function namesOf({ project, group, environment, api }: ApiTotals) {
  return { project, group, environment, api };
}
