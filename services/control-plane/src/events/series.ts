import type { Tally } from "@millrace/proto/invocation/v1/invocation";
import { inTransaction, type Sql, type Transaction } from "@millrace/sql";
import type { JsMsg } from "@nats-io/jetstream";
import { storable } from "./event.ts";
import type { GapCause } from "./gap.ts";
import { insertGaps } from "./gap-store.ts";
import type { PartitionStore } from "./partition-store.ts";
import { addToSeries, type Floor, type Found, type SeriesNews, settleSeries } from "./series-store.ts";

// What gateways and runners say they told, compared with what has arrived.

/** A tally, and the message that it came with. */
export interface ToldTally extends Tally {
  source: string;
  message: JsMsg;
}

/** How many events of a message and project were new. */
export interface Received {
  sequence: number;
  project: string;
  count: number;
}

export class Series {
  readonly #deps: { sql: Sql; partitions: PartitionStore };
  readonly #stream: string;
  /** Events that this process found to be missing, by cause. */
  readonly counts: Record<GapCause, number> = { source: 0, bus: 0 };
  /** Until it is known. */
  #isMissing = true;

  constructor(stream: string, deps: { sql: Sql; partitions: PartitionStore }) {
    this.#stream = stream;
    this.#deps = deps;
  }

  get isMissing(): boolean {
    return this.#isMissing;
  }

  /** In the transaction that stores the events; what it found is counted by `count` when that is committed. */
  async add(
    tx: Transaction,
    tallies: readonly ToldTally[],
    received: readonly Received[],
    streamMadeAt: Date,
  ): Promise<Found> {
    const found = await addToSeries(tx, this.#stream, newsOf(tallies, received, streamMadeAt));
    await insertGaps(tx, found.gaps);
    return found;
  }

  count({ gaps, isMissing }: Found): void {
    for (const { cause, count } of gaps) this.counts[cause] += count;
    this.#isMissing ||= isMissing;
  }

  /** The days in which gaps may be found that these messages tell of. */
  async provideDays(messages: readonly JsMsg[]): Promise<void> {
    await this.#deps.partitions.provide(
      "event_gaps",
      messages.map(({ time }) => new Date(time)),
    );
  }

  async settle(floor: Floor): Promise<void> {
    const found = await inTransaction(this.#deps.sql, async (tx) => {
      const settled = await settleSeries(tx, this.#stream, floor);
      await this.#deps.partitions.provide(
        "event_gaps",
        settled.gaps.map(({ at }) => at),
      );
      await insertGaps(tx, settled.gaps);
      return settled;
    });
    this.#isMissing = false;
    this.count(found);
  }
}

function newsOf(tallies: readonly ToldTally[], received: readonly Received[], streamMadeAt: Date): SeriesNews[] {
  const counts = new Map(received.map(({ sequence, project, count }) => [`${sequence} ${project}`, count]));
  const news = new Map<string, SeriesNews>();
  for (const { source, message, series, told, dropped, ...tally } of tallies) {
    const project = storable(tally.project);
    const key = `${source} ${series} ${project}`;
    const known = news.get(key);
    const count = counts.get(`${message.seq} ${project}`) ?? 0;
    const isLatest = !known || told >= known.told;
    news.set(key, {
      source,
      project,
      series,
      streamMadeAt,
      told: Math.max(told, known?.told ?? 0),
      dropped: Math.max(dropped, known?.dropped ?? 0),
      received: count + (known?.received ?? 0),
      sequence: isLatest ? message.seq : known.sequence,
      toldAt: isLatest ? new Date(message.time) : known.toldAt,
    });
  }
  return [...news.values()];
}
