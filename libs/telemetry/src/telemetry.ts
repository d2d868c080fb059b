import { type Meter, metrics, type Tracer, trace } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { NodeSDK } from "@opentelemetry/sdk-node";

export interface Telemetry {
  meter: Meter;
  tracer: Tracer;
  /** All metrics in Prometheus' text form, for /metrics. */
  metrics(): Promise<string>;
  /** Flushes what waits for export. */
  close(): Promise<void>;
}

/**
 * Starts OpenTelemetry. Metrics can always be scraped; traces are exported over OTLP when OTEL_EXPORTER_OTLP_ENDPOINT or
 * OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says where to. The standard OTEL_* variables are read by the SDK itself.
 */
export function startTelemetry(service: string, environment: Readonly<Record<string, string | undefined>>): Telemetry {
  const exports = environment.OTEL_EXPORTER_OTLP_ENDPOINT ?? environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const reader = new PrometheusExporter({ preventServerStart: true });
  const sdk = new NodeSDK({
    serviceName: service,
    autoDetectResources: false,
    metricReaders: [reader],
    ...(!exports && { spanProcessors: [] }),
    logRecordProcessors: [],
  });
  sdk.start();
  const serializer = new PrometheusSerializer("millrace");
  return {
    meter: metrics.getMeter("millrace"),
    tracer: trace.getTracer("millrace"),
    metrics: async () => serializer.serialize((await reader.collect()).resourceMetrics),
    close: () => sdk.shutdown(),
  };
}
