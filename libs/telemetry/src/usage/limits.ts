/** What a process keeps of what it counts, and how it tells it. */
export const USAGE_LIMITS = {
  tellIntervalMs: 5_000,
  /** Of a minute that runs; its last word tells all. */
  seriesToldAtOnce: 200,
  /** Of one message: some 40 KiB at most. */
  seriesOfWord: 100,
  /** How long a word waits to be taken. */
  takenMs: 3_000,
  /** Minutes whose last word nobody has taken: longer than a bus is away, shorter than the lateness that is still stored. */
  minutesMax: 30,
  closeMs: 4_000,
} as const;
