const MIB = 1024 ** 2;

/** What the streams may hold. */
export const BUS_LIMITS = {
  kvBytesMax: 1024 * MIB,
  artifactsBytesMax: 8192 * MIB,
  /** Uploads and builds on their way. */
  passingBytesMax: 2048 * MIB,
  passingHours: 1,
  logsBytesMax: 256 * MIB,
  requestsBytesMax: 256 * MIB,
  usageBytesMax: 256 * MIB,
  /** What of logs, requests and usage control-plane has not taken by then is gone. */
  eventsHours: 24,
  /** Projects of which a process counts what it tells a stream. */
  talliesMax: 20_000,
  /** What was dropped is told at least so often; of a project that has become silent all is told once more. */
  tallyIntervalMs: 1_000,
  tallySilenceMs: 5_000,
  /** A project that was silent for so long begins a new series. */
  seriesSilenceMs: 12 * 3_600_000,
  /** Parts of a snapshot; a KV value may hold 1 MiB. */
  partBytesMax: 512 * 1024,
  /** The largest record after decompression. */
  recordBytesMax: 256 * MIB,
} as const;
