export const OUTBOUND_LIMITS = {
  lookupTimeoutMs: 5_000,
  /** Names that one asker is looking up. */
  lookupsMax: 64,
  queryTimeoutMs: 1_500,
  queryTries: 2,
  hostsReadMs: 5_000,
  lookupKeptMs: 1_000,
  /** Of one answer. */
  addressesMax: 16,
  connectTimeoutMs: 10_000,
  /** From a connection that stands until TLS does. */
  handshakeTimeoutMs: 10_000,
  /** How old what is known of the machine's own addresses may be. */
  platformReadMs: 10_000,
} as const;
