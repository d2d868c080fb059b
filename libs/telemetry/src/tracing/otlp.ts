import { hostname } from "node:os";
import { detectResources, envDetector, type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import type { SpanExporter } from "@opentelemetry/sdk-trace";

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether traces go anywhere: the standard variables say so. */
export function exportsTraces(environment: Environment): boolean {
  const { OTEL_TRACES_EXPORTER: exporter = "otlp", OTEL_SDK_DISABLED: disabled } = environment;
  const endpoint = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  return Boolean(endpoint) && exporter === "otlp" && disabled?.toLowerCase() !== "true";
}

/** The exporter of the protocol that is asked for; where it sends to, with which headers and within what time it reads from the environment. */
export async function openOtlpExporter(environment: Environment): Promise<SpanExporter> {
  const protocol = environment.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? environment.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol === "grpc") return new (await import("@opentelemetry/exporter-trace-otlp-grpc")).OTLPTraceExporter();
  if (protocol === "http/json")
    return new (await import("@opentelemetry/exporter-trace-otlp-http")).OTLPTraceExporter();
  return new (await import("@opentelemetry/exporter-trace-otlp-proto")).OTLPTraceExporter();
}

/** Who exports; `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` add to it and win. `id` is what the platform calls the process. */
export function resourceOf(service: string, id = `${hostname()}:${process.pid}`): Resource {
  const own = resourceFromAttributes({
    "service.namespace": "millrace",
    "service.name": service,
    "service.instance.id": id,
  });
  return own.merge(detectResources({ detectors: [envDetector] }));
}
