import { ValueType } from "@opentelemetry/api";
import type { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { DURATION_BOUNDS_MS } from "./usage/duration-buckets.ts";

// Histograms of durations that are counted elsewhere, and read when somebody looks: OpenTelemetry's own costs a microsecond for each value.

export interface DurationPoint {
  labels: Record<string, string>;
  /** By the buckets of DURATION_BOUNDS_MS. */
  durations: readonly number[];
  durationUs: number;
}

export interface DurationHistogram {
  name: string;
  description: string;
  read(): Iterable<DurationPoint>;
}

/** Fewer buckets than are counted, for each of them is a line of `/metrics` for each series. */
const SHOWN_BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000];

type Producer = NonNullable<
  NonNullable<ConstructorParameters<typeof PrometheusExporter>[0]>["metricProducers"]
>[number];
type Collection = Awaited<ReturnType<Producer["collect"]>>;
type MetricData = Collection["resourceMetrics"]["scopeMetrics"][number]["metrics"][number];

// Of OpenTelemetry's enumerations, which its SDK keeps in a package of its own.
const HISTOGRAM = 0;
const CUMULATIVE = 1;

export class DurationHistograms implements Producer {
  readonly #histograms: DurationHistogram[] = [];
  readonly #startedAt = hrTimeOf(Date.now());

  add(histogram: DurationHistogram): void {
    this.#histograms.push(histogram);
  }

  async collect(): Promise<Collection> {
    const scopeMetrics = [{ scope: { name: "millrace" }, metrics: this.#histograms.map((one) => this.#dataOf(one)) }];
    // The reader puts its own resource in the place of this one.
    return { resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics }, errors: [] };
  }

  #dataOf({ name, description, read }: DurationHistogram): MetricData {
    const endTime = hrTimeOf(Date.now());
    const data = {
      descriptor: { name, description, unit: "s", type: "HISTOGRAM", valueType: ValueType.DOUBLE, advice: {} },
      aggregationTemporality: CUMULATIVE,
      dataPointType: HISTOGRAM,
      dataPoints: [...read()].map(({ labels, durations, durationUs }) => ({
        startTime: this.#startedAt,
        endTime,
        attributes: labels,
        value: {
          buckets: { boundaries: SHOWN_BOUNDS_MS.map((bound) => bound / 1_000), counts: shown(durations) },
          sum: durationUs / 1e6,
          count: durations.reduce((sum, count) => sum + count, 0),
        },
      })),
    };
    return data as unknown as MetricData;
  }
}

/** Every bound that is shown is one of those that are counted by. */
function shown(durations: readonly number[]): number[] {
  const counts = new Array<number>(SHOWN_BOUNDS_MS.length + 1).fill(0);
  durations.forEach((count, at) => {
    const bound = DURATION_BOUNDS_MS[at] ?? Infinity;
    const within = SHOWN_BOUNDS_MS.findIndex((one) => bound <= one);
    counts[within === -1 ? SHOWN_BOUNDS_MS.length : within]! += count;
  });
  return counts;
}

function hrTimeOf(ms: number): [number, number] {
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1e6];
}
