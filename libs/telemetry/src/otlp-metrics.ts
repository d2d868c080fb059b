import type { Meter } from "@opentelemetry/api";
import type { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";

type Environment = Readonly<Record<string, string | undefined>>;
type Exporter = Pick<OTLPMetricExporter, "export" | "shutdown">;
type CollectedMetrics = Parameters<OTLPMetricExporter["export"]>[0];

const INTERVAL_MS = 60_000;
const CLOSE_MS = 3_000;

/** Pushes what is collected to a collector while the standard variables name one; the exporter bounds each attempt itself. */
export class MetricsPush {
  readonly #collect: () => Promise<CollectedMetrics>;
  readonly #open: () => Promise<Exporter>;
  readonly #timer: NodeJS.Timeout | undefined;
  #opened: Promise<Exporter> | undefined;
  #pushing: Promise<void> | undefined;
  readonly #outcomes = { pushed: 0, failed: 0 };

  constructor(environment: Environment, meter: Meter, collect: () => Promise<CollectedMetrics>) {
    this.#collect = collect;
    this.#open = () => openExporter(environment);
    if (!exportsMetrics(environment)) return;
    this.#timer = setInterval(() => void this.push(), intervalMsOf(environment));
    this.#timer.unref();
    meter
      .createObservableCounter("metrics_pushes_total", { description: "Pushes of metrics to a collector, by outcome" })
      .addCallback((result) => {
        for (const [outcome, count] of Object.entries(this.#outcomes)) result.observe(count, { outcome });
      });
  }

  /** Never two at once: who cannot keep up is told less often. */
  push(): Promise<void> {
    this.#pushing ??= this.#push()
      .then(
        () => void this.#outcomes.pushed++,
        () => void this.#outcomes.failed++,
      )
      .finally(() => {
        this.#pushing = undefined;
      });
    return this.#pushing;
  }

  /** Pushes once more, for a moment at most. */
  async close(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, CLOSE_MS);
    const last = (this.#pushing ?? Promise.resolve()).then(() => this.push());
    await Promise.race([last.then(() => this.#opened).then((exporter) => exporter?.shutdown()), late.promise]);
    clearTimeout(timer);
  }

  async #push(): Promise<void> {
    // Loaded when it is needed, so that who exports none does not pay for it.
    this.#opened ??= this.#open();
    const exporter = await this.#opened;
    const collected = await this.#collect();
    await new Promise<void>((resolve, reject) => {
      exporter.export(collected, ({ code, error }) => (code === 0 ? resolve() : reject(error)));
    });
  }
}

function exportsMetrics(environment: Environment): boolean {
  const { OTEL_METRICS_EXPORTER: exporter = "otlp", OTEL_SDK_DISABLED: disabled } = environment;
  const endpoint = environment.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT || environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  return Boolean(endpoint) && exporter === "otlp" && disabled?.toLowerCase() !== "true";
}

function intervalMsOf({ OTEL_METRIC_EXPORT_INTERVAL: given }: Environment): number {
  const number = Number(given);
  return Number.isFinite(number) && number > 0 ? number : INTERVAL_MS;
}

/** The exporter of the protocol that is asked for; where it sends to, and with which headers, it reads from the environment. */
async function openExporter(environment: Environment): Promise<Exporter> {
  const protocol = environment.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL ?? environment.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol === "grpc") return new (await import("@opentelemetry/exporter-metrics-otlp-grpc")).OTLPMetricExporter();
  if (protocol === "http/json")
    return new (await import("@opentelemetry/exporter-metrics-otlp-http")).OTLPMetricExporter();
  return new (await import("@opentelemetry/exporter-metrics-otlp-proto")).OTLPMetricExporter();
}
