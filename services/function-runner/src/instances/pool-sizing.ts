// How many instances of a function version work at a time. Pure: what happens, and when, is told.
//
// A thread that waits costs nothing, so calls that wait (for a database, a timer) get an instance each. A thread that computes needs a
// core: more of them than there are cores only take turns, and every turn costs. Each instance says of its calls how long they were open
// and for how long its event loop was at work meanwhile; the share of the two tells one kind of function from the other. A function that
// computes has a level, the number of its instances that may work at a time: it rises while calls find no idle instance though a core
// has nothing to do, and falls while its threads are kept from the cores. Beyond that a call is held for one of the instances at work.
//
// Two things keep this from being wrong for long: an instance of which nothing has been heard for much longer than its calls take does
// not count as at work, and a lack of instances that lasts as long as a start takes is mended by one.

export interface PoolLoad {
  /** Calls that no instance has room for, given ahead or not. */
  waiting: number;
  /** Instances with calls that get on. */
  active: number;
  /** Loaded instances, with calls or without; and those without. */
  ready: number;
  idle: number;
  loading: number;
  /** Of those, the ones that have not taken longer than starts usually do. */
  loadingFresh: number;
  /** How long calls have found no idle instance. */
  shortageMs: number;
}

export const SIZING = {
  /** A start takes about this long; whoever would wait longer is better served by one. */
  startMs: 10,
  /** After this a start waits for something rather than computes. */
  startFreshMs: 60,
  /** Loading is not all computing. */
  startsPerCore: 2,
  /** Instances at work at a time while nothing is known of how they work, and cores have nothing to do. */
  unknownPerCore: 4,
  /** How long a call is held before it is looked at again. */
  holdMs: 2,
  /** With calls open and none ended for so many times what they take, an instance does not get on; */
  overdueFactor: 4,
  /** but on a busy machine a thread may wait so long for its turn. */
  overdueMinMs: 20,
  /** Above this share an event loop has no time left for another call. */
  computingShare: 0.8,
  /** Calls given ahead to an instance that takes one at a time: as many as it does in this time, and no more than these. */
  stagedMs: 5,
  stagedMax: 32,
  /** The level changes once in so long, so that what it did has been seen. */
  levelMs: 300,
  /** Cores with nothing to do: from here on one more thread has a place. */
  coresSpareMin: 0.5,
  coresBusyMax: 0.1,
  /** Of the time that its loop is at work, the part that a thread has a core for when it is kept from it. */
  starvedShare: 0.7,
} as const;

const SERVICE_WEIGHT = 1 / 8;
const SHARE_WINDOW_US = 100_000;

/** What is known of the calls of a function version, learned from each that ends, and what follows for its instances. */
export class PoolSizing {
  readonly #cores: number;
  readonly #concurrency: number;
  /** From a call's begin to its end; undefined while none has ended. */
  #serviceMs: number | undefined;
  /** Of the time in which calls are open, the part in which the event loop is at work: 0 to 1. */
  #workShare = 1;
  /** Of that, the part in which the thread has a core. */
  #coreShare = 1;
  #level = 1;
  #levelAt = -Infinity;

  constructor(cores: number, concurrency: number) {
    this.#cores = cores;
    this.#concurrency = concurrency;
  }

  get isComputing(): boolean {
    return this.#workShare >= SIZING.computingShare;
  }

  /** How many calls an instance may be given ahead: those that compute, are short and would only wait in the supervisor. */
  get stagedMax(): number {
    if (this.#serviceMs === undefined || this.#concurrency > 1 || !this.isComputing) return 0;
    return Math.min(SIZING.stagedMax, Math.floor(SIZING.stagedMs / this.#serviceMs));
  }

  /** An instance with open calls, of which none has ended for so long, does not count as getting on. */
  get overdueMs(): number {
    return Math.max(SIZING.overdueMinMs, (this.#serviceMs ?? 0) * SIZING.overdueFactor);
  }

  /** A call has ended. The other times are of the whole instance, since it last told: calls were open, its loop was at work, it had a core. */
  learn(serviceMs: number, openUs: number, workUs: number, cpuUs: number): void {
    const isFirst = this.#serviceMs === undefined;
    this.#serviceMs = isFirst ? serviceMs : this.#serviceMs! + (serviceMs - this.#serviceMs!) * SERVICE_WEIGHT;
    this.#workShare = blend(this.#workShare, workUs, openUs, isFirst);
    this.#coreShare = blend(this.#coreShare, cpuUs, workUs, isFirst);
  }

  /** Whether one more instance beside so many that are at work would get calls answered sooner. */
  mayUseAnother(active: number, coresSpare: number): boolean {
    return active < this.#useful(coresSpare);
  }

  /** Lets the level follow what the machine has to give. */
  adjust(now: number, { shortageMs, active }: PoolLoad, coresSpare: number): void {
    if (now - this.#levelAt < SIZING.levelMs || shortageMs < SIZING.startMs) return;
    if (coresSpare >= SIZING.coresSpareMin && active >= this.#level && this.#level < this.#cores) this.#level++;
    else if (coresSpare <= SIZING.coresBusyMax && this.#coreShare < SIZING.starvedShare && this.#level > 1)
      this.#level--;
    else return;
    this.#levelAt = now;
  }

  /** How many instances to start now. */
  starts(load: PoolLoad, coresSpare: number): number {
    const { waiting, active, ready, idle, loading, loadingFresh, shortageMs } = load;
    if (idle > 0) return 0;
    const wanted = Math.ceil(waiting / this.#concurrency) - loading;
    // Where no core is to spare, starts that take long wait for one as likely as for anything else.
    const starting = coresSpare >= SIZING.coresSpareMin ? loadingFresh : loading;
    const startable = this.#cores * SIZING.startsPerCore - starting;
    if (ready + loading === 0) return Math.min(wanted, startable);
    const most = Math.min(startable, this.#useful(coresSpare) - active - starting);
    if (most <= 0) return 0;
    const isCrowded = this.#concurrency > 1 && this.isComputing && ready + loading < this.#level;
    if ((wanted > 0 || isCrowded) && shortageMs >= SIZING.startMs) return 1;
    let starts = 0;
    while (starts < Math.min(wanted, most) && this.#waitMs(load, starts) > SIZING.startMs) starts++;
    return starts;
  }

  #useful(coresSpare: number): number {
    if (this.#serviceMs === undefined) {
      return coresSpare < SIZING.coresSpareMin ? this.#level : this.#cores * SIZING.unknownPerCore;
    }
    return this.isComputing ? this.#level : Math.floor(this.#cores / Math.max(this.#workShare, 0.001));
  }

  /** How long the last of those who wait would wait if so many instances were started. */
  #waitMs({ waiting, active, loading }: PoolLoad, starts: number): number {
    const places = (active + loading + starts) * this.#concurrency;
    return this.#serviceMs === undefined || places === 0 ? Infinity : (this.#serviceMs * waiting) / places;
  }
}

function blend(before: number, partUs: number, wholeUs: number, isFirst: boolean): number {
  if (wholeUs === 0) return before;
  const weight = isFirst ? 1 : wholeUs / (wholeUs + SHARE_WINDOW_US);
  return before + (Math.min(1, partUs / wholeUs) - before) * weight;
}
