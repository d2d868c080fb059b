import type { Telemetry } from "@millrace/telemetry";
import type { Deliverer } from "./deliverer.ts";
import type { Evaluator } from "./evaluator.ts";

export interface AlarmFacts {
  evaluator: Pick<Evaluator, "counts" | "overdueMs">;
  deliverer: Pick<Deliverer, "counts" | "underWay">;
}

/** What this process does about alarms, read when it is scraped. */
export function registerAlarmMetrics({ meter }: Pick<Telemetry, "meter">, { evaluator, deliverer }: AlarmFacts): void {
  meter
    .createObservableCounter("control_plane_alarm_evaluations_total", { description: "Evaluations of alarms" })
    .addCallback((result) => {
      for (const [outcome, count] of Object.entries(evaluator.counts)) result.observe(count, { outcome });
    });
  meter
    .createObservableGauge("control_plane_alarm_overdue_seconds", {
      description: "How long after its time the newest evaluation was made; 0 once none is due",
    })
    .addCallback((result) => result.observe(evaluator.overdueMs / 1_000));
  meter
    .createObservableCounter("control_plane_alarm_attempts_total", {
      description: "Attempts to tell webhooks, by what became of the delivery",
    })
    .addCallback((result) => {
      for (const [outcome, count] of Object.entries(deliverer.counts)) result.observe(count, { outcome });
    });
  meter
    .createObservableGauge("control_plane_alarm_deliveries", { description: "Deliveries that are under way" })
    .addCallback((result) => result.observe(deliverer.underWay));
}
