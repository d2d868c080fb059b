// Every bound of control-plane. What a tenant may own is a quota, with a reason of its own; the rest keeps the process whole.

const KIB = 1024;
const MIB = 1024 * KIB;

export const QUOTAS = {
  projects: 10_000,
  functionsPerProject: 1_000,
  /** Of different artifacts, drafts and versions together. */
  codeBytesPerProject: 2_048 * MIB,
  versionsPerFunction: 1_000,
  aliasesPerFunction: 100,
  testEventsPerFunction: 50,
  groupsPerProject: 500,
  revisionsPerGroup: 200,
  apisPerRevision: 1_000,
  definitionBytesPerRevision: 32 * MIB,
  alarmsPerProject: 100,
  domainsPerProject: 500,
  /** Bound to a group's deployments. */
  domainsPerGroup: 5,
} as const;

export const LIMITS = {
  /** Rows of a page whose rows are large; a client that asks for more gets this many. */
  heavyPageMax: 100,
  descriptionCharsMax: 1_000,
  displayNameCharsMax: 100,

  memoryMib: { min: 128, max: 1_024, default: 128 },
  timeoutMs: { min: 100, max: 300_000, default: 10_000 },
  concurrency: { min: 1, max: 100, handlerDefault: 1, fetchDefault: 16 },
  maxConcurrencyPerRunner: { min: 1, max: 1_000 },
  minInstancesMax: 16,
  handlerCharsMax: 128,
  egressHostsMax: 32,
  variablesMax: 128,
  variableKeyBytesMax: 64,
  variableValueBytesMax: 4 * KIB,

  versionsKept: { min: 1, max: 1_000, default: 100 },
  /** Functions of one turn of the sweep, and versions of each. */
  sweptFunctionsMax: 100,
  sweptVersionsMax: 100,

  uploadBytesMax: 50 * MIB,
  /** At once, and of one person. */
  uploads: { max: 4, ofOneMax: 2 },
  /** Between two chunks that hold anything. */
  uploadStallTimeoutMs: 10_000,
  uploadTimeoutMs: 300_000,
  testEventBytesMax: 64 * KIB,
  /** At once, and of one person. */
  trials: { max: 16, ofOneMax: 2 },
  /** For a function's start and its work when it is tried; and how much longer the runner may take to tell of it. */
  trialTimeoutMs: 60_000,
  trialAnswerMs: 10_000,
  filenameCharsMax: 255,
  buildTimeoutMs: 90_000,
  artifactBytesMax: 256 * MIB,
  artifactChunkBytes: 2 * MIB,
  /** An artifact that nothing has used for this long is deleted. */
  artifactUnusedMs: 3_600_000,
  findingsMax: 50,

  prefixCharsMax: 64,
  pathCharsMax: 1_024,
  pathSegmentsMax: 32,
  parametersMax: 100,
  parameterSchemaBytesMax: 16 * KIB,
  bodySchemaBytesMax: 256 * KIB,
  exampleBytesMax: 64 * KIB,
  summaryCharsMax: 300,
  apiDescriptionCharsMax: 10_000,
  tagsMax: 32,
  tagCharsMax: 64,
  /** Media types of a body beside the first. */
  othersMax: 7,
  otherResponsesMax: 32,
  /** For all schemas of a definition, or of a document. */
  schemaCheckTimeoutMs: 10_000,
  schemaCompileMsMax: 2_000,
  schemaHeapMib: 512,
  schemaChecksWaitingMax: 20,
  definitionBytesMax: 1 * MIB,
  backendUrlCharsMax: 2_048,
  backendTimeoutMs: { min: 100, max: 300_000, default: 10_000 },
  backendRetries: { max: 3, default: 1 },
  mappedParametersMax: 100,
  backendConstantCharsMax: 4_096,
  mockBodyBytesMax: 64 * KIB,
  mockHeadersMax: 50,
  mockHeaderBytesMax: 8 * KIB,
  namesInMessageMax: 10,

  /** Read or written. */
  documentBytesMax: 3 * MIB,
  yamlAliasesMax: 100,
  documentTimeoutMs: 5_000,
  documentThreadsMax: 4,
  documentHeapMib: 512,
  documentDepthMax: 100,
  documentNodesMax: 200_000,
  /** Of an element, and of all. What is kept by pointer takes quadratic time when those are over 16 KiB. */
  pointerCharsMax: 4 * KIB,
  pointerCharsInAllMax: 64 * MIB,
  referenceDepthMax: 50,
  /** That a document of OpenAPI 2.0, or an operation, consumes or produces. */
  mediaTypesMax: 50,
  inlinedNodesMax: 500_000,
  documentFaultsMax: 50,
  remarksMax: 1_000,

  routing: { rulesMax: 20, conditionsMax: 20, conditionCharsMax: 1_024 },
  /** Of the whole snapshot, before packing. */
  snapshotBytesMax: 64 * MIB,
  /** How long a snapshot that a deployment has left stays on the bus. */
  snapshotRetirementMs: 600_000,

  /** Requests, invocations and log lines are kept so long, by whole days; and so many bytes of each, with their indexes. */
  eventRetentionDays: 7,
  eventTableBytesMax: 32 * 1_024 * MIB,
  /** Messages of a stream that are stored at once, and how long one waits for others at most. */
  eventMessagesMax: 200,
  eventStoreMs: 200,
  /** How far from when the bus took it an event may say that it happened. */
  eventLateMsMax: 3_600_000,
  eventEarlyMsMax: 60_000,
  logLineBytesMax: 64 * KIB,
  /** Gaps that a page, or a turn of a tail, tells of. */
  gapsMax: 100,
  /** Events of a page, and of a tail's turn, that are looked through for what no index finds. */
  scannedMax: 10_000,
  /** Of a message, from its beginning, so much is searched for a text. */
  searchedCharsMax: 4_096,
  /** Lines that the report on a request shows. */
  reportLinesMax: 1_000,

  /** Counts of requests and invocations are kept so long by minutes, hours and days. */
  usageMinutesKeptDays: 3,
  usageHoursKeptDays: 60,
  usageDaysKeptDays: 400,
  usageRowsDroppedAtOnce: 20_000,
  /** Rows of one statement: some 2 MiB. */
  usageRowsStoredAtOnce: 2_000,
  /** A minute told later than this after it ended, or before it began by more than `eventEarlyMsMax`, is passed over. */
  usageLateMsMax: 3_600_000,
  usageNameCharsMax: 128,
  /** Of one question: metrics, steps, series that it is split into, and points of one metric in all. */
  metricsMax: 10,
  metricStepsMax: 1_500,
  metricSeriesMax: 100,
  metricPointsMax: 15_000,

  /** At once, and of one person. */
  tails: { max: 200, ofOneMax: 10 },
  /** Longer ones are resumed: by then a person may have lost its role. */
  tailLifetimeMs: 600_000,
  tailPollMs: 500,
  /** Events of one turn; what is over comes with the next. */
  tailEventsMax: 1_000,

  /** Fields of all APIs that a comparison shows, and characters of a value. */
  diffFieldsMax: 5_000,
  diffValueCharsMax: 1_000,
  batchMax: 100,
  searchCharsMax: 100,

  /** A gateway that tells nothing for so long is gone. */
  gatewayLifetimeMs: 15_000,
  gatewaysMax: 1_000,
  /** For gateways to say what they serve: those that nobody has heard of yet, and all others. */
  servingSettleMs: 50,
  servingAnswerMs: 500,
  propagationWaitMsMax: 10_000,
  /** Who asks or waits how far a change has come: at once, and of one person. */
  propagations: { max: 100, ofOneMax: 10 },
  propagationPollMs: 50,

  upkeepIntervalMs: 60_000,

  alarm: {
    windowMinutes: { max: 60, default: 5 },
    inRowMax: 60,
    callsMax: 1_000_000,
    thresholdMax: 1e12,
    urlCharsMax: 2_048,
    overlapMs: { max: 7 * 86_400_000, default: 86_400_000 },
    /** How often it is looked for alarms whose minute has come, and for deliveries. */
    roundMs: 1_000,
    /** How long after its end a minute is taken for complete. */
    latenessMs: 30_000,
    evaluationsAtOnceMax: 4,
    eventsKeptMs: 30 * 86_400_000,
    eventsForgottenAtOnce: 5_000,
    /** Of one alarm; the oldest gives way. */
    deliveriesPendingMax: 50,
    /** At once, and of one project. */
    deliveries: { max: 64, ofOneMax: 2 },
    deliveryTimeoutMs: 10_000,
    /** Of an answer; nobody reads more of it than its status. */
    answerBytesMax: 64 * KIB,
    answerHeadBytesMax: 16 * KIB,
    /** An attempt of which nothing was heard for this long is made again. */
    attemptLostMs: 60_000,
    attemptsMax: 20,
    /** After the first attempt, doubled with each. */
    retryWaitMs: { first: 5_000, max: 1_800_000 },
    deliveryAgeMaxMs: 86_400_000,
  },

  domain: {
    chainBytesMax: 64 * KIB,
    certificatesMax: 10,
    privateKeyBytesMax: 16 * KIB,
    rsaBits: { min: 2_048, max: 4_096 },
    hostsShownMax: 100,
    issuerCharsMax: 300,
    /** So long before its end a certificate is told to be expiring. */
    expiringMs: 14 * 86_400_000,
    lookupTimeoutMs: 5_000,
    lookupTries: 2,
    /** At once, and of one project. */
    lookups: { max: 16, ofOneMax: 2 },
    /** What DNS holds, as an error shows it. */
    recordsShownMax: 5,
    recordCharsMax: 100,
  },

  authTimeoutMs: 3_000,
  principalLifetimeMs: 1_000,
  principalsMax: 10_000,

  busRetryWaitMs: 500,
  beatLifetimeMs: 5_000,
  runnersMax: 10_000,
  reprojectTimeoutMs: 50_000,
} as const;

export const DRAIN = { lagMs: 0, timeoutMs: 10_000 } as const;
