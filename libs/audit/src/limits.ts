export const LIMITS = {
  /** What is older is dropped, a month at a time. */
  retentionDays: 400,
  /** Partitions that are made before they are needed. */
  monthsAhead: 2,
  fieldsMax: 40,
  textCharsMax: 200,
  objectCharsMax: 400,
  /** Refusals that are being written; more are only counted. */
  refusalsAtOnceMax: 32,
  /** Refusals that are recorded of one source. */
  refusalsPerSource: { burst: 20, perSecond: 1 / 30 },
  /** Of everybody: at most some 30,000 lines a day. */
  refusalsOverall: { burst: 500, perSecond: 1 / 3 },
  /** Sources that are told apart; the least recent is forgotten. */
  sourcesMax: 1_000,
} as const;
