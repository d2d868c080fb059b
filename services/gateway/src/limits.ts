// Every bound of the gateway, each named with its unit.

const KIB = 1024;
const MIB = 1024 * KIB;

export const RELEASE_LIMITS = {
  /** How often a gateway tells that it is there. */
  presenceIntervalMs: 5_000,
} as const;

export const EDGE_LIMITS = {
  /** Request line and headers together; beyond it 431. */
  headBytesMax: 16 * KIB,
  /** The request target; beyond it 414. */
  targetBytesMax: 8 * KIB,
  /** Name and value pairs; beyond it 431. */
  headerPairsMax: 100,
  /** A body that is held whole, here until its signature is checked or in a handler's event; beyond it 413. Others stream, however long. */
  wholeBodyBytesMax: 10 * MIB,
  /** Such a body arrives within this time. */
  wholeBodyTimeoutMs: 60_000,
  /** Bodies held whole until their signature is checked, over all requests; beyond it 503. */
  heldBodyBytesMax: 256 * MIB,
  /** A declared body up to here is collected before the invocation is placed, so that it can be placed again whole. */
  smallBodyBytesMax: 64 * KIB,
  /** Until a function answers, so much of its request's body arrives in each such time: 240 bytes a second, or the request is given up. */
  bodyWindowMs: 10_000,
  bodyWindowBytesMin: 2_400,
  /** A caller who takes nothing of an answer that its function still makes is cut off after so long. */
  untakenAnswerMs: 30_000,
  headersTimeoutMs: 5_000,
  /** From the first byte of a request to the last of its body: longer than any function may read it. */
  requestTimeoutMs: 310_000,
  /** Longer than the idle time of common balancers, so that they close first. */
  keepAliveTimeoutMs: 65_000,
  timeoutCheckIntervalMs: 1_000,
  /** A connection on which nothing moved for so long is closed: its caller does not read. Longer than any function may be silent. */
  stalledMs: 320_000,
  /** So that balancing recovers after a gateway was added. */
  requestsPerConnectionMax: 10_000,
  connectionsMax: 20_000,
  /** A gateway leaves a shared port in a turn of the event loop this short; it waits so long for one. */
  quietTurnMsMax: 0.06,
  quietTurnAwaitedMs: 250,
  /** Of a body that comes after the answer to its request so much is thrown away; then the connection is cut. */
  discardedBytesMax: 10 * MIB,
  /** All headers of a function's response. Common clients read 16 KiB, and the gateway adds its own. */
  responseHeadersBytesMax: 15 * KIB,
  /** How long a connection lingers after a refusal that left its body unread, so that the caller can read the answer. */
  lingerMs: 1_000,
} as const;

export const DISPATCH_LIMITS = {
  /** Added to a function's own timeout, for queueing, starting cold and the way. */
  deadlineGraceMs: 2_000,
  /** No request lives longer, whatever its function's timeout. */
  deadlineMsMax: 305_000,
  /** Invocations that wait for a free slot. */
  waitingMax: 1_024,
  waitMsMax: 1_000,
  /** Who would wait longer, as fast as slots come free, is told so at once. */
  expectedWaitMsMax: 500,
  /** So many of a project may wait however slowly slots come free, so that none that does is left idle. */
  waitingFreelyMax: 16,
  /** Slots must have been short for so long before it is known how fast they come free. */
  evidenceMsMin: 128,
  /** How often a runner that is full by others' calls is asked for a slot all the same, so that it learns who wants one. */
  knockIntervalMs: 100,
  /** Versions look for other runners when those that have them are loaded above the mean by this factor, and not all but idle. */
  boundedLoad: 1.25,
  idleLoad: 1 / 8,
  /** Of the calls for such a runner so many go elsewhere. More, and all gateways would fill the same few others between two beats. */
  spreadShare: 1 / 16,
  /** How old the mean may be. */
  meanAgeMs: 50,
  /** Requests may be placed again as often as this share of all, so often a second, and so often beside it: enough for two runners' calls. */
  retryShare: 0.1,
  retriesPerSecond: 10,
  retryBurst: 128,
  /** Runners that may reject or lose one request; a lack of slots does not count, the wait for one is bounded itself. */
  setbacksMax: 6,
  /** A runner that has not beaten for so long is lost. */
  beatAgeMsMax: 3_000,
  /** A process that is gone is remembered so long, for beats of it that are still on their way. */
  goneRememberedMs: 60_000,
  /** A safe request that no runner has accepted for so long is placed again. */
  acceptanceMsMax: 1_500,
  sweepIntervalMs: 250,
  /** A process that was not woken for so long knows its runners no better than that; the bus's echo is waited for so long. */
  standstillMs: 1_000,
  openCallsMax: 20_000,
  /** How deep functions may call each other through gateways. */
  depthMax: 8,
} as const;

export const TLS_LIMITS = {
  /** Custom hosts whose certificates are kept ready, 31 KiB each (measured); the others' are opened anew. */
  contextsMax: 2_000,
  /** From a connection's first byte to the end of its handshake. */
  handshakeTimeoutMs: 10_000,
  /** How often the files of the platform's own certificate are looked at. */
  filesCheckIntervalMs: 5_000,
} as const;

export const ACCESS_LIMITS = {
  /** A signed request waits no longer for the nonces' store; with the way to the caller it stays under 50 ms. */
  nonceCheckMs: 40,
  nonceBatchMax: 1_024,
  /** The clock window on both sides, and a minute for clocks that differ between gateways. */
  nonceLifetimeMs: 11 * 60_000,
  derivedKeysMax: 200_000,
  derivedKeyFetchMs: 1_000,
  /** What one call of auth may ask. */
  derivedKeyBatchMax: 256,
  derivedKeysAwaitedMax: 4_096,
  /** How long a key that auth does not know stays unknown. */
  unknownKeyMs: 5_000,
  /** How often all keys of authorised callers are looked over; yesterday's go, tomorrow's come. */
  renewalIntervalMs: 10 * 60_000,
  /** Up to so much is added to each wait, so that gateways do not ask in step. */
  renewalJitterMs: 60_000,
  retryMsMin: 500,
  retryMsMax: 30_000,
} as const;

export const BACKEND_LIMITS = {
  /** Http backends, told apart by project, scheme, host and port, to which connections are kept. */
  originsMax: 1_024,
  originsPerProjectMax: 64,
  /** One that was not asked for so long is forgotten, with its connections. */
  originIdleMs: 60_000,
  sweepIntervalMs: 15_000,
  connectionsPerOriginMax: 256,
  /** Requests at one backend at a time; those over the connections wait for one. */
  callsPerOriginMax: 512,
  /** At all backends of a project: one project's slow servers are nobody else's shortage of sockets. */
  callsPerProjectMax: 2_048,
  /** Shorter than common servers keep a connection without requests: who closes first loses no request. */
  keepAliveMs: 4_000,
  /** A server that says how long it keeps connections is believed, less this. */
  keepAliveMarginMs: 2_000,
  keepAliveMsMax: 60_000,
  /** Connections get old, so that a name that points elsewhere is noticed. */
  connectionAgeMsMax: 300_000,
  responseHeadBytesMax: 16 * KIB,
  circuit: {
    windowMs: 10_000,
    windowSteps: 10,
    /** So many attempts in a window tell something, and more than this share of them may not fail. */
    callsMin: 20,
    failureShareMax: 0.5,
    /** Attempts, one after the other, that must succeed before all are made again. */
    probesMin: 3,
    openMs: { first: 2_000, max: 60_000 },
  },
} as const;

export const EVENT_LIMITS = {
  /** Requests of which the stream is told; the surplus is dropped and counted. */
  servedPerSecond: 200,
  failedPerSecond: 200,
  /** Of those, that had no deployment. */
  unroutedPerSecond: 20,
  /** Events go out together: so many, or so long after the first. */
  batchMax: 50,
  flushMs: 250,
  /** How often it is looked whether control-plane has to be told what was left out. */
  tallyTurnMs: 500,
  pathCharsMax: 2_048,
  fieldCharsMax: 256,
  queryNameCharsMax: 40,
  queryNamesMax: 20,
} as const;

export const USAGE_LIMITS = {
  /** Series of a minute, of a deployment, API and key each. Then keys are counted together, so many series more; then APIs. */
  seriesMax: 1_000,
  seriesOfOtherKeysMax: 500,
  seriesOfOtherApisMax: 500,
  /** APIs with metrics of their own; the others are counted together. */
  apisShownMax: 300,
} as const;

export const LOG_LIMITS = {
  /** Lines of the access log that wait for standard output; beyond it lines are dropped and counted. */
  waitingBytesMax: 8 * MIB,
  /** Lines are written when there are so many bytes of them, and at the latest so long after the first: what a crash can cost. */
  writeBytes: 32 * 1024,
  flushMs: 50,
} as const;
