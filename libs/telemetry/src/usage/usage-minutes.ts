import { USAGE_LIMITS } from "./limits.ts";

// What a process counts is kept apart by minutes. While a minute runs, what changed in it is told now and then, and its last word once it
// is over; each time the numbers so far, so that a word that is lost or comes twice does no harm. A minute is forgotten when its last word
// was taken, or when too many others wait behind it.

/** A part of a minute, as it is told. */
export interface UsageWord<Series> {
  /** Of the count: another for each process, and when its clock was set back. */
  epoch: number;
  /** Grows with each word. */
  number: number;
  minuteS: number;
  series: readonly Series[];
}

export interface UsageOptions<Series> {
  /** The wall clock. */
  nowMs: () => number;
  /** How much a series has counted: more than before when anything in it has changed. */
  sizeOf: (series: Series) => number;
  /** Tells a word; settles when it was taken, and rejects when that is not known. */
  tell: (word: UsageWord<Series>) => Promise<void>;
  /** A minute is over: nothing is to be added to these any more, and who remembers one is to forget it. */
  onOver: (series: Iterable<Series>) => void;
  /** Nobody takes words any more: once, until somebody has. */
  onOutage: (error: unknown) => void;
}

interface Minute<Series> {
  minuteS: number;
  epoch: number;
  series: Map<string, Series>;
  /** Sizes that were told and taken. */
  told: Map<Series, number>;
}

const MINUTE_MS = 60_000;

export class UsageMinutes<Series> {
  readonly #options: UsageOptions<Series>;
  #current: Minute<Series>;
  #endsAtMs: number;
  #over: Minute<Series>[] = [];
  #number = 0;
  #dropped = 0;
  #isOut = false;
  #telling: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UsageOptions<Series>) {
    this.#options = options;
    const nowMs = options.nowMs();
    this.#current = minuteOf(nowMs, nowMs);
    this.#endsAtMs = endOf(this.#current);
  }

  /** Series of this minute. */
  get size(): number {
    return this.#current.series.size;
  }

  get series(): Iterable<Series> {
    return this.#current.series.values();
  }

  /** Series whose last word nobody took. */
  get dropped(): number {
    return this.#dropped;
  }

  /** To be called before anything is counted: begins another minute when its time has come. */
  turn(): void {
    const nowMs = this.#options.nowMs();
    if (nowMs < this.#endsAtMs && nowMs >= this.#endsAtMs - MINUTE_MS) return;
    const { epoch } = this.#current;
    const isBack = nowMs < this.#endsAtMs;
    this.#options.onOver(this.series);
    this.#over.push(this.#current);
    while (this.#over.length > USAGE_LIMITS.minutesMax) this.#forget(this.#over[0]!);
    // A minute that comes again is another count, and both are summed.
    this.#current = minuteOf(nowMs, isBack ? epoch + 1 : epoch);
    this.#endsAtMs = endOf(this.#current);
  }

  find(name: string): Series | undefined {
    return this.#current.series.get(name);
  }

  add(name: string, series: Series): Series {
    this.#current.series.set(name, series);
    return series;
  }

  /** Tells what there is every few seconds. */
  start(): void {
    this.#timer = setInterval(() => void this.tell(), USAGE_LIMITS.tellIntervalMs);
    this.#timer.unref();
  }

  /** Tells once more, all that there is, and no longer than a moment. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, USAGE_LIMITS.closeMs);
    await Promise.race([this.#telling?.then(() => this.tell(true)) ?? this.tell(true), late.promise]);
    clearTimeout(timer);
  }

  /** Tells the minutes that are over, and what has changed in this one; what is not taken is told again the next time. */
  tell(whole = false): Promise<void> {
    this.#telling ??= this.#tell(whole)
      .then(
        () => {
          this.#isOut = false;
        },
        (error) => {
          if (!this.#isOut) this.#options.onOutage(error);
          this.#isOut = true;
        },
      )
      .finally(() => {
        this.#telling = undefined;
      });
    return this.#telling;
  }

  async #tell(whole: boolean): Promise<void> {
    this.turn();
    for (const minute of [...this.#over]) {
      await this.#tellOf(minute, this.#changed(minute));
      this.#over = this.#over.filter((one) => one !== minute);
    }
    const changed = this.#changed(this.#current);
    await this.#tellOf(this.#current, whole ? changed : changed.slice(0, USAGE_LIMITS.seriesToldAtOnce));
  }

  async #tellOf({ minuteS, epoch, told }: Minute<Series>, changed: readonly Series[]): Promise<void> {
    const { sizeOf, tell } = this.#options;
    for (let at = 0; at < changed.length; at += USAGE_LIMITS.seriesOfWord) {
      const series = changed.slice(at, at + USAGE_LIMITS.seriesOfWord);
      const sizes = series.map(sizeOf);
      await tell({ epoch, number: ++this.#number, minuteS, series });
      series.forEach((one, i) => void told.set(one, sizes[i]!));
    }
  }

  #changed({ series, told }: Minute<Series>): Series[] {
    return [...series.values()].filter((one) => told.get(one) !== this.#options.sizeOf(one));
  }

  #forget(minute: Minute<Series>): void {
    this.#over = this.#over.filter((one) => one !== minute);
    this.#dropped += this.#changed(minute).length;
  }
}

function minuteOf<Series>(nowMs: number, epoch: number): Minute<Series> {
  return { minuteS: Math.floor(nowMs / MINUTE_MS) * 60, epoch, series: new Map(), told: new Map() };
}

function endOf({ minuteS }: { minuteS: number }): number {
  return minuteS * 1_000 + MINUTE_MS;
}
