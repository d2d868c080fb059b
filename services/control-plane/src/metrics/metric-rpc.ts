import type { MetricServiceService } from "@millrace/proto/control/v1/metrics";
import type { HandlersOf } from "@millrace/rpc";
import { METRICS } from "./metric.ts";
import { readQuestion } from "./metric-question.ts";
import type { MetricService } from "./metric-service.ts";

export function metricHandlers(metrics: MetricService, clock: () => Date): HandlersOf<typeof MetricServiceService> {
  return {
    async queryMetrics(request) {
      const question = readQuestion(request, clock());
      const { series, truncated } = await metrics.query(question);
      return {
        step: question.step,
        start: question.from,
        end: question.to,
        series: series.map(({ metric, names, points }) => ({
          ...names,
          metric,
          unit: METRICS[metric].unit,
          points: points.map(({ at, value }) => ({ time: at, value })),
        })),
        truncated,
      };
    },
  };
}
