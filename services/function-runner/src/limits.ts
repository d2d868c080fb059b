// Every bound of the runner, named with its unit.

const MIB = 1024 ** 2;

export const SANDBOX_LIMITS = {
  /** Own users of sandboxes are drawn from this range; it lies above what distributions and subordinate ids use by habit. */
  uidMin: 70_001,
  uidMax: 169_999,
  /** A sandbox yields to the supervisor and to everything else on the machine; more would starve it where the machine is busy with others. */
  nice: 5,
  /** Socketpairs made when a sandbox starts. Each carries one instance; when all were used, a new sandbox takes over. */
  channels: 64,
  /** A connection of a function takes three: its own end, and both of what carries it out. */
  openFilesMax: 1_280,
  /** Threads and processes of one sandbox. */
  threadsMax: 256,
  fileBytesMax: 64 * MIB,
  /** Backstop only: Node reserves about 600 MiB and 80 MiB for each instance before it uses any of it. */
  dataBytesMax: 8 * 1024 * MIB,
  bootTimeoutMs: 10_000,
  /** From asking a sandbox that has booted for one more thread until it has heard. On a busy machine the thread itself may take longer. */
  hearingTimeoutMs: 5_000,
  /** From an instance's channel being closed until its end must be reported, and the other way round. */
  endTimeoutMs: 100,
  /** From asking the sandbox to end an instance whose loop is blocked until the whole sandbox is killed. */
  terminateTimeoutMs: 500,
  /** The same for an instance that merely retires: a busy machine is no reason to end its neighbours. */
  retireTimeoutMs: 5_000,
  /** Blank sandboxes that wait for a project: each holds a blank thread. */
  spares: 2,
  /** Another is started so long after one was given away, so that the first call there has the cores; */
  refillDelayMs: 200,
  /** or so long after one ended that nobody had asked for. */
  refillRetryMs: 1_000,
  /** The heap of the thread in a blank sandbox: what functions have that ask for nothing else. */
  blankMemoryMib: 128,
  /** What a sandbox holds in memory beside its instances' own: Node itself, and what the kernel has not taken back yet. */
  memoryBytesBase: 256 * MIB,
  /** Added to the own memory of each instance that has calls: its stack, its code, young objects. */
  memoryBytesPerInstance: 64 * MIB,
  /** Added to the most that an instance ever said to hold, while it has no calls; and what a blank thread may hold. */
  memoryBytesIdle: 24 * MIB,
  /** Of the machine's memory, or its cgroup's: more than that all sandboxes together may not hold. The largest one makes room. */
  memoryShareMax: 3 / 4,
  /** Of all files that a sandbox keeps in its folder, deleted ones that are still open included. */
  temporaryBytesMax: 512 * MIB,
  temporaryFilesMax: 4_096,
  /** Folders within folders, of names that may be 255 bytes each: a path is at most 4096. */
  temporaryDepthMax: 15,
  /** Where its folder is a file system in memory: the kernel refuses more. */
  memoryFilesBytesMax: 128 * MIB,
  /** The same for a build: an upload is unpacked there. */
  buildFilesBytesMax: 512 * MIB,
  memoryCheckMs: 250,
  /** Every so many looks at its memory, a sandbox's files are looked at too. */
  filesCheckEvery: 4,
  /** More on its standard error is no last word, but a flood. */
  standardErrorBytesMax: MIB,
  /** Kept of what a dying sandbox wrote to its standard error. */
  lastWordsBytesMax: 2048,
} as const;

export const INSTANCE_LIMITS = {
  /** For the function's initialisation: from its thread being there until it is loaded. */
  loadTimeoutMs: 10_000,
  /** For the thread before that, which on a machine with too much to do is not the function's fault. */
  threadTimeoutMs: 30_000,
  idleTimeoutMs: 5 * 60_000,
  sweepIntervalMs: 5_000,
  /** A sandbox without instances is kept this long for the next one. */
  sandboxIdleMs: 30_000,
  /** From the abort signal of a timed-out call until its instance is ended, or sooner when its loop is blocked. */
  abortGraceMs: 100,
  /** The same while the instance serves others, whom a hasty end would cost their answer. */
  sharedGraceMs: 500,
  /** Wait before a version is started again after it failed n times in a row: 2^n times this, at most the maximum. */
  backoffMs: 100,
  backoffMaxMs: 10_000,
  /** How often starts may be lost with their sandbox before the version itself is held to have failed. */
  lostStartsMax: 2,
  /** Frames that may still come for calls that were given up. */
  strayFramesMax: 10_000,
  /** Lines outside any call that an instance may send in the window: twice of what it lets through itself. */
  looseWindowMs: 10_000,
  looseLinesMax: 20_000,
  /** Live instances of all versions on one runner, per slot and by what the machine has; the longest idle one makes room. */
  perSlot: 4,
  /** What an idle instance of a small function holds (measured: 8 to 13 MiB), and the part of the memory that all of them may. */
  idleBytes: 14 * MIB,
  memoryShare: 0.5,
  /** The part of all instances that minimums may take up, so that functions without one can be loaded too. */
  keptShare: 0.5,
} as const;

export const BLANK_THREAD_LIMITS = {
  /** Threads that wait in the sandboxes of projects for one more instance. Each costs what an idle instance costs. */
  threadsMax: 16,
  /** From a start until the next thread is made, so that what was started has the cores; and from then until it is looked at again. */
  delayMs: 100,
  retryMs: 250,
  /** It waits until a core has nothing else to do, but not for longer than that. */
  coresSpareMin: 0.5,
  patienceMs: 300,
  /** Starts in a row that want a thread of the same other size, before the one that waits makes room. */
  missesMax: 2,
  /** A thread that waits for longer than that makes room for one where something was started since; in any case after the second. */
  restlessMs: 10_000,
  idleMs: 5 * 60_000,
} as const;

export const RECYCLING_LIMITS = {
  /** What an instance and a sandbox serve before others take their place: calls, and time. */
  callsMax: 2_000_000,
  ageMs: 4 * 60 * 60_000,
  sandboxAgeMs: 24 * 60 * 60_000,
  /** Each has up to this part less, by chance. */
  jitterShare: 0.25,
  /** An instance that never had less than this part of its memory in use at a call's end within the window is replaced too. */
  memoryShare: 0.85,
  memoryWindowMs: 60_000,
  memoryCallsMin: 20,
} as const;

export const QUARANTINE_LIMITS = {
  /** Sandboxes that may die of one function version within the window before it is held back. */
  deathsMax: 3,
  windowMs: 60_000,
  /** A sandbox takes all its instances with it, and they end one after the other: what comes so soon is the same death. */
  sameDeathMs: 250,
  /** The first rest; each that follows is twice as long, up to the maximum. */
  restMs: 15_000,
  restMaxMs: 10 * 60_000,
} as const;

export const USAGE_LIMITS = {
  /** Functions with metrics of their own; the others are counted together. */
  functionsMax: 500,
  /** Versions that are counted in a minute. */
  versionsMax: 2_000,
} as const;

export const PLACING_LIMITS = {
  /** An invocation may be faster than its function's record. */
  recordWaitMs: 500,
  /** A call that may run twice is said to be accepted only when it is not over by then. Gateways wait far longer before they doubt. */
  acceptedSilenceMs: 100,
  beatIntervalMs: 100,
  beatSilenceMaxMs: 1_000,
  beatFullMs: 10_000,
  /** Stores that are not there yet are asked for again after so long. */
  storesRetryMs: 250,
  /** A process that did not run for so long may have been given up by gateways. They do so after three seconds without a beat. */
  standstillMs: 2_000,
  /** A beat has reached every gateway after so long, and what they sent before they read it has arrived. */
  settleMs: 300,
  /** So long who was turned away counts as somebody who wants a slot. */
  wantMs: 250,
  /** Of the slots, kept for those who have less than a fair share and want more. */
  keptSlotsShare: 1 / 8,
  /** A call whose caller has gone gives its slot back when it still runs after so long. */
  abandonedGraceMs: 100,
  /** Of the slots: so many calls that nobody waits for may run beside them; others of the kind hold their slots. */
  abandonedShare: 1 / 2,
  /** The same for one project. It gets no slot while there are as many. */
  abandonedShareOfProject: 1 / 4,
  /** What is known of a gateway is forgotten when it was not heard of for so long. */
  gatewayForgottenMs: 60_000,
  /** How long running calls are waited for when the runner is told to stop. */
  drainTimeoutMs: 30_000,
  /** Running calls have the drain's whole time; giving them up takes a moment more. */
  closeMarginMs: 5_000,
} as const;

export const EGRESS_LIMITS = {
  /** Of one sandbox: open, being opened, or waiting to be claimed. */
  connectionsMax: 256,
  /** Of one sandbox to its relay: each connection has one to ask with and one for its bytes. */
  socketsMax: 1_024,
  /** Lookups and attempts to connect of one sandbox. */
  asksPerSecond: 500,
  /** From a sandbox's connection to its relay until it has said what it wants. */
  messageTimeoutMs: 2_000,
  /** Of all sandboxes, in the supervisor; no more than half of the descriptors that it may have. */
  socketsOfAllMax: 16_384,
  /** Addresses of which a sandbox's relay remembers the name. */
  namesKept: 256,
  /** From a connection that stands until the sandbox begins to use it. */
  claimTimeoutMs: 5_000,
  /** Nothing passes either way. */
  idleTimeoutMs: 15 * 60_000,
  /** The same when the sandbox has said that it sends nothing more. */
  halfOpenTimeoutMs: 60_000,
  /** Both ways. */
  connectionBytesMax: 1024 * MIB,
  /** Both ways, of one sandbox. */
  bytesPerMinute: 4096 * MIB,
  /** Numbers of connections: what stands behind 127 in an address. */
  idMin: 0x01_00_00,
  idMax: 0xfe_00_00,
  auditLinesPerSecond: 200,
  hostCharsLogged: 253,
} as const;

export const OUTPUT_LIMITS = {
  /** Of one invocation; what is over is dropped and counted. */
  bytesMax: 64 * 1024,
  linesMax: 1_000,
  /** What an instance sends in a second of what is printed outside any invocation; more is dropped. */
  looseBytesPerSecond: 64 * 1024,
  looseLinesPerSecond: 1_000,
  /** Lines outside an invocation are published this long after the first. */
  flushMs: 1_000,
  /** Of all functions together; more is dropped and counted. */
  publishedBytesPerSecond: 4 * MIB,
  /** Ends of invocations that went well and printed nothing: only so many are told. */
  quietPerSecond: 200,
  /** How often it is looked whether control-plane has to be told what was left out. */
  tallyTurnMs: 500,
} as const;

export const OWN_SPAN_LIMITS = {
  /** Spans that a function makes of one call; the others are counted. */
  spansMax: 64,
  /** Of all of them, as an instance tells them; and how often: at a cancellation and at the end. */
  bytesMax: 32 * 1024,
  tellingsMax: 2,
  nameCharsMax: 128,
  attributesMax: 16,
  keyCharsMax: 64,
  valueCharsMax: 256,
  /** Of calls that were not sampled they are told when they failed or took so long: then others may want to see them. */
  tellAfterMs: 1_000,
} as const;

export const SOURCES_LIMITS = {
  /** Of an error, its causes and those that it gathers together, so many are told. */
  thrownMax: 8,
  /** Places of the bundle whose origin an instance remembers; the same few fail again and again. */
  placesMax: 1_000,
  /** Of a source map so few mappings are read for a place that is looked up. */
  mappingsPerMark: 256,
} as const;

export const ARTIFACT_LIMITS = {
  packedBytesMax: 100 * MIB,
  unpackedBytesMax: 250 * MIB,
  filesMax: 20_000,
  pathBytesMax: 512,
  cacheBytesMax: 4096 * MIB,
  fetchTimeoutMs: 10_000,
} as const;

export const TRIAL_LIMITS = {
  /** Calls that try functions at a time, beside those that wait for slots like all others. */
  openMax: 4,
  /** Drafts that are remembered with their instances. */
  draftsMax: 32,
  /** Kept of an answer. */
  bodyBytesMax: 128 * 1024,
  /** From a call's deadline until it is answered for, when nothing was heard of its end. */
  graceMs: 2_000,
} as const;

export const BUILD_LIMITS = {
  uploadBytesMax: 50 * MIB,
  unpackedBytesMax: 250 * MIB,
  entriesMax: 20_000,
  /** A file may unpack to this many times its size in the archive, beyond `ratioFreeBytes`. */
  ratioMax: 200,
  ratioFreeBytes: MIB,
  timeoutMs: 60_000,
  /** For the trial load. */
  loadTimeoutMs: 10_000,
  findingsMax: 20,
  /** Builds that wait while one runs. */
  waitingMax: 16,
} as const;
