// Every bound of the command line.

const MIB = 1024 * 1024;

export const CALL_TIMEOUT_MS = 30_000;
/** An upload is bundled and tried before it is answered. */
export const UPLOAD_TIMEOUT_MS = 300_000;
/** A function that is tried may be started, and may work for a minute. */
export const INVOKE_TIMEOUT_MS = 90_000;
/** Until every gateway serves a change. */
export const PROPAGATION_WAIT_MS = 10_000;
export const UPLOAD_BYTES_MAX = 50 * MIB;
export const UPLOAD_CHUNK_BYTES = 64 * 1024;

/** What a folder may hold before it is packed. */
export const FOLDER_FILES_MAX = 20_000;
export const FOLDER_BYTES_MAX = 250 * MIB;
export const PACKAGES_MAX = 1_000;

export const PAGE_SIZE = 500;
export const LISTED_MAX = 100_000;

export const HTTP_TIMEOUT_MS = 60_000;
export const HTTP_BODY_BYTES_MAX = 64 * MIB;

/** Between two tails, when the server has ended one. */
export const TAIL_RESUME_MS = 1_000;
/** A request is told of a moment after it was answered: so long it is waited for, and looked for so often. */
export const EXPLAIN_WAIT_MS = 3_000;
export const EXPLAIN_POLL_MS = 250;

/** Between two looks at what is busiest. */
export const TOP_REFRESH_MS = 5_000;

/** Pages of 10,000 events that are looked through for what no index finds. */
export const SEARCH_PAGES_MAX = 20;

export const MANIFEST_BYTES_MAX = MIB;
export const SECRET_FILE_BYTES_MAX = 64 * 1024;
