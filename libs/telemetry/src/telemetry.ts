import { type Meter, metrics } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { Resource } from "@opentelemetry/resources";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { type DurationHistogram, DurationHistograms } from "./histograms.ts";
import { MetricsPush } from "./otlp-metrics.ts";
import { watchProcess } from "./process-metrics.ts";
import { exportsTraces, openOtlpExporter, resourceOf } from "./tracing/otlp.ts";
import { SpanExports, type Spans } from "./tracing/span-exports.ts";

export interface Telemetry {
  meter: Meter;
  /** Adds a histogram that is counted elsewhere. */
  addHistogram(histogram: DurationHistogram): void;
  /** Where spans go; null when nobody wants any. */
  spans: Spans | null;
  /** All metrics in Prometheus' text form, for /metrics. */
  metrics(): Promise<string>;
  /** Flushes what waits for export. */
  close(): Promise<void>;
}

/**
 * Starts OpenTelemetry. Metrics can always be scraped; metrics and traces are exported over OTLP when OTEL_EXPORTER_OTLP_ENDPOINT,
 * OTEL_EXPORTER_OTLP_METRICS_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says where to. The other standard variables of the exporter are read by it.
 * `id` is what the platform calls the process, where it has a name.
 */
export function startTelemetry(
  service: string,
  environment: Readonly<Record<string, string | undefined>>,
  id?: string,
): Telemetry {
  const resource = resourceOf(service, id);
  const histograms = new DurationHistograms();
  const reader = new PrometheusExporter({ preventServerStart: true, metricProducers: [histograms] });
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false,
    metricReaders: [reader],
    spanProcessors: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const serializer = new PrometheusSerializer("millrace");
  const meter = metrics.getMeter("millrace");
  const unwatch = watchProcess(meter);
  const push = new MetricsPush(environment, meter, async () => (await reader.collect()).resourceMetrics);
  const spans = exportsTraces(environment) ? openSpans(resource, environment, meter) : null;
  return {
    meter,
    addHistogram: (histogram) => histograms.add(histogram),
    spans,
    metrics: async () => serializer.serialize((await reader.collect()).resourceMetrics),
    close: async () => {
      unwatch();
      await push.close();
      await spans?.close();
      await sdk.shutdown();
    },
  };
}

function openSpans(resource: Resource, environment: Readonly<Record<string, string | undefined>>, meter: Meter) {
  const exports = new SpanExports({
    resource,
    openExporter: () => openOtlpExporter(environment),
  });
  const { counters } = exports;
  meter
    .createObservableCounter("trace_spans_exported_total", { description: "Spans that a collector took" })
    .addCallback((result) => result.observe(counters.exported));
  meter
    .createObservableCounter("trace_spans_dropped_total", { description: "Spans that nobody got, by why" })
    .addCallback((result) => {
      result.observe(counters.overflowed, { why: "overflowed" });
      result.observe(counters.undelivered, { why: "undelivered" });
    });
  return exports;
}
