// Every bound of the console.

/** One JSON message of a unary call: the largest is an OpenAPI document of 2 MiB with every character escaped. */
export const UNARY_BODY_BYTES_MAX = 8 * 1024 * 1024;
/** All messages of a client stream: 50 MB of code in base64, and room for the JSON around it. */
export const STREAM_BODY_BYTES_MAX = 80 * 1024 * 1024;
/** One JSON message of a client stream; gRPC servers take 4 MiB. */
export const STREAM_MESSAGE_BYTES_MAX = 6 * 1024 * 1024;
export const STREAM_MESSAGES_MAX = 100_000;
/** An email and a password. */
export const SESSION_BODY_BYTES_MAX = 4 * 1024;
/** What is taken of a body before its credential is known to be good: enough for every call that needs none. */
export const UNVERIFIED_BODY_BYTES_MAX = 64 * 1024;
/** Objects and lists in each other; the contracts have six. */
export const JSON_DEPTH_MAX = 64;
/** Faults that a refusal names, and characters of a key in it. */
export const FAULTS_MAX = 50;
export const FAULT_FIELD_CHARS_MAX = 200;
/** What all requests together may hold of their bodies. */
export const HELD_BYTES_MAX = 256 * 1024 * 1024;

export const UNARY_TIMEOUT_MS = 60_000;
export const STREAM_TIMEOUT_MS = 300_000;
/** A request must have arrived within this time. */
export const REQUEST_TIMEOUT_MS = 300_000;
/** Between two pieces of a body. */
export const BODY_STALL_TIMEOUT_MS = 10_000;
export const HEADERS_TIMEOUT_MS = 10_000;
export const HEADER_BYTES_MAX = 16 * 1024;
export const CONNECTIONS_MAX = 1_000;
export const DRAIN_TIMEOUT_MS = 10_000;
/** Running requests have the drain's whole time; giving them up takes a moment more. */
export const DRAIN = { lagMs: 0, timeoutMs: DRAIN_TIMEOUT_MS + 1_000 } as const;

export const HEALTH_TIMEOUT_MS = 1_000;
/** How long an answer about health is repeated, so that the page cannot be used to load the services. */
export const HEALTH_FRESH_MS = 1_000;
