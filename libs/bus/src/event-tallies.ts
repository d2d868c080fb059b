import { BUS_LIMITS } from "./limits.ts";

// How much a process tells a stream of each project. The stream's reader compares it with what has arrived, so that whatever was lost on the
// way, or was never sent, is counted exactly.

/** As `Tally` of millrace.invocation.v1. */
export interface TallyRecord {
  project: string;
  series: number;
  told: number;
  dropped: number;
}

interface ProjectTally extends TallyRecord {
  /** `dropped` as it was told last, and when that was. */
  droppedTold: number;
  toldAtMs: number;
  /** By the wall clock, when all of it was told. */
  closedAtMs: number;
}

export class EventTallies {
  readonly #wallClockMs: () => number;
  readonly #byProject = new Map<string, ProjectTally>();
  /** Those of which something was told or dropped since they were told last without an event. */
  readonly #open = new Set<ProjectTally>();
  #lastSeries = 0;
  #dropped = 0;

  constructor(wallClockMs: () => number = Date.now) {
    this.#wallClockMs = wallClockMs;
  }

  /** Of all projects. */
  get dropped(): number {
    return this.#dropped;
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Some of a project's events are left out. */
  drop(project: string, count: number): void {
    const tally = this.#tallyOf(project);
    tally.dropped += count;
    this.#dropped += count;
    this.#open.add(tally);
  }

  /** Events are about to be sent; the answer goes with them. */
  tell(project: string, count: number, nowMs: number): TallyRecord {
    const tally = this.#tallyOf(project);
    tally.told += count;
    this.#open.add(tally);
    return this.#record(tally, nowMs);
  }

  /** They could not be sent after all. */
  untell(project: string, count: number): void {
    this.#tallyOf(project).told -= count;
    this.drop(project, count);
  }

  /**
   * What has to be told without an event: what was dropped a while ago, and, once, of a project that has become silent, so that the loss of
   * the last events is seen too. `send` answers false when there is no bus; then it is due again.
   */
  tellDue(nowMs: number, send: (tally: TallyRecord) => boolean, isLast = false): void {
    for (const tally of this.#open) {
      const ageMs = nowMs - tally.toldAtMs;
      const isSilent = isLast || ageMs >= BUS_LIMITS.tallySilenceMs;
      const isDue = isSilent || (tally.dropped > tally.droppedTold && ageMs >= BUS_LIMITS.tallyIntervalMs);
      if (!isDue) continue;
      const { droppedTold, toldAtMs } = tally;
      if (!send(this.#record(tally, nowMs))) Object.assign(tally, { droppedTold, toldAtMs });
      else if (isSilent) {
        tally.closedAtMs = this.#wallClockMs();
        this.#open.delete(tally);
      }
    }
  }

  #record(tally: ProjectTally, nowMs: number): TallyRecord {
    tally.droppedTold = tally.dropped;
    tally.toldAtMs = nowMs;
    const { project, series, told, dropped } = tally;
    return { project, series, told, dropped };
  }

  #tallyOf(project: string): ProjectTally {
    const known = this.#byProject.get(project);
    if (known && !this.#isOver(known)) return known;
    this.#byProject.delete(project);
    if (this.#byProject.size >= BUS_LIMITS.talliesMax) this.#forgetOne();
    // A process that comes after this one begins later.
    this.#lastSeries = Math.max(this.#lastSeries + 1, this.#wallClockMs());
    const tally = {
      project,
      series: this.#lastSeries,
      told: 0,
      dropped: 0,
      droppedTold: 0,
      toldAtMs: 0,
      closedAtMs: 0,
    };
    this.#byProject.set(project, tally);
    return tally;
  }

  /** The reader forgets a series that is silent for days. */
  #isOver(tally: ProjectTally): boolean {
    return !this.#open.has(tally) && this.#wallClockMs() - tally.closedAtMs >= BUS_LIMITS.seriesSilenceMs;
  }

  /** A project of which all is told, or else the first, begins another series when it comes again. */
  #forgetOne(): void {
    for (const tally of this.#byProject.values()) {
      if (!this.#open.has(tally)) return void this.#byProject.delete(tally.project);
    }
    const [first] = this.#byProject.values();
    this.#open.delete(first!);
    this.#byProject.delete(first!.project);
  }
}
