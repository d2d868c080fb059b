// Every bound of the service.

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const LIFETIMES = {
  sessionMs: 12 * HOUR_MS,
  invitationMs: 7 * DAY_MS,
  tokenMinMs: MINUTE_MS,
  tokenMaxMs: 365 * DAY_MS,
  tokenDefaultMs: 90 * DAY_MS,
  /** Of the first operator's token, unless it is deleted before. */
  bootstrapTokenMs: 3_652 * DAY_MS,
} as const;

export const QUOTAS = {
  accessKeysPerProject: 30,
  subscriptionKeysPerProject: 100,
  authorizationsPerDeployment: 1_000,
  membersPerProject: 200,
  tokensPerPerson: 50,
  /** The oldest session ends when one more is opened. */
  sessionsPerPerson: 50,
} as const;

export const TEXTS = {
  emailCharsMax: 254,
  displayNameCharsMax: 64,
  passwordCharsMin: 12,
  passwordCharsMax: 256,
  noteCharsMax: 256,
} as const;

/** OWASP's second recommendation for argon2id: 19 MiB, two passes; some 30 ms of one core. */
export const PASSWORD_HASHING = {
  memoryCostKib: 19_456,
  timeCost: 2,
  parallelism: 1,
  runningMax: 4,
  waitingMax: 64,
} as const;

/**
 * Attempts are token buckets. The bound on remembered emails is above what the overall bucket lets through while one email's bucket
 * fills up again (200 + 20 × 300 s), so that nobody can make the service forget an email by trying others.
 */
export const SIGN_IN_THROTTLE = {
  perEmail: { burst: 10, perSecond: 1 / 30 },
  overall: { burst: 200, perSecond: 20 },
  emailsMax: 10_000,
} as const;

export const SIGNING_SCOPES = {
  perCallMax: 256,
  partCharsMax: 64,
} as const;

export const WAITS = {
  /** For control-plane to look a deployment up. */
  lookupTimeoutMs: 2 * SECOND_MS,
  busRetryMs: 500,
  sweepIntervalMs: HOUR_MS,
  /** How exactly a token's last use is known. */
  tokenUseResolutionMs: MINUTE_MS,
} as const;

export const DRAIN = { lagMs: 200, timeoutMs: 10 * SECOND_MS } as const;
