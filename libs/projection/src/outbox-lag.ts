import type { Sql } from "@millrace/sql";
import { bucketOf, DURATION_BUCKETS, type Telemetry } from "@millrace/telemetry";

/** How long /metrics waits for the database. Without an answer the numbers are none: gauges that are left out would show their last for ever. */
const ANSWER_MS = 2_000;

/** How far the bus is behind the database: what waits to be written, and how long what was written had waited. */
export class OutboxLag {
  readonly #written = { durations: new Array<number>(DURATION_BUCKETS).fill(0), durationUs: 0, labels: {} };

  /** A key was written to the bus so long after it was marked. */
  written(waitedMs: number): void {
    const ms = Math.max(0, waitedMs);
    this.#written.durations[bucketOf(ms)]!++;
    this.#written.durationUs += Math.round(ms * 1_000);
  }

  register({ meter, addHistogram }: Pick<Telemetry, "meter" | "addHistogram">, sql: Sql): void {
    const marks = meter.createObservableGauge("outbox_marks", {
      description: "Keys of the bus that wait to be written",
    });
    const oldest = meter.createObservableGauge("outbox_oldest_mark_seconds", {
      description: "How long the oldest of them has waited",
    });
    meter.addBatchObservableCallback(
      async (result) => {
        const state = await inTime(stateOf(sql)).catch(() => undefined);
        result.observe(marks, Number(state?.marks));
        result.observe(oldest, Number(state?.oldestSeconds));
      },
      [marks, oldest],
    );
    addHistogram({
      name: "projection_lag_seconds",
      description: "From a key's mark to its being written to the bus",
      read: () => [this.#written],
    });
  }
}

/** By the index outbox_by_age. */
async function stateOf(sql: Sql) {
  const [row] = await sql<{ marks: string; oldestSeconds: string }[]>`
    select count(*) as marks, coalesce(extract(epoch from now() - min(marked_at)), 0) as oldest_seconds
    from outbox`;
  return row;
}

async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), ANSWER_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
