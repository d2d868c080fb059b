// The closed table of what a caller can be told. `jdStatus` are the words of JD's error envelope, for clients of that
// style; `mender` says who can do something about it.

export type Component = "gateway" | "dispatch" | "runner" | "function" | "backend";
export type Mender = "caller" | "provider" | "operator";

export interface ReasonRow {
  status: number;
  component: Component;
  jdStatus: string;
  title: string;
  mender: Mender;
  /** Seconds after which trying again makes sense. */
  retryAfterS?: number;
}

const BAD_REQUEST = { status: 400, component: "gateway", jdStatus: "HTTP_BAD_REQUEST", mender: "caller" } as const;
const UNAUTHENTICATED = { status: 401, component: "gateway", jdStatus: "ACCESS_ERROR", mender: "caller" } as const;
const FORBIDDEN = { status: 403, component: "gateway", jdStatus: "HTTP_FORBIDDEN" } as const;
const NOT_FOUND = { status: 404, component: "gateway", jdStatus: "NOT_FOUND", mender: "caller" } as const;
const LIMITED = { status: 429, component: "gateway", jdStatus: "HTTP_RATE_LIMIT_EXCEEDED", mender: "caller" } as const;
const BAD_GATEWAY = { status: 502, jdStatus: "HTTP_BAD_GATEWAY" } as const;
const UNAVAILABLE = { status: 503, jdStatus: "HTTP_SERVICE_UNAVAILABLE", mender: "operator" } as const;
const TIMED_OUT = { status: 504, jdStatus: "HTTP_SERVER_TIMING_OUT", mender: "provider" } as const;

export const REASONS = {
  request_invalid: { ...BAD_REQUEST, title: "The request does not fit the API's definition" },
  request_malformed: { ...BAD_REQUEST, title: "The request is not well-formed HTTP" },
  credential_missing: { ...UNAUTHENTICATED, title: "A credential, or a part of it, is missing" },
  credential_unknown: { ...UNAUTHENTICATED, title: "The credential is not known" },
  signature_mismatch: { ...UNAUTHENTICATED, title: "The signature is not that of this request" },
  signature_expired: { ...UNAUTHENTICATED, title: "The signature's date is too far from now" },
  nonce_reused: { ...UNAUTHENTICATED, title: "The nonce was used before" },
  body_hash_mismatch: { ...UNAUTHENTICATED, title: "The body is not the one that was signed" },
  not_authorized: { ...FORBIDDEN, mender: "provider", title: "The key is not authorised for this deployment" },
  ip_not_allowed: { ...FORBIDDEN, mender: "provider", title: "The source address is not allowed" },
  deployment_offline: { ...FORBIDDEN, mender: "provider", title: "The API is disabled" },
  no_deployment: { ...NOT_FOUND, title: "No deployment answers here" },
  no_route: { ...NOT_FOUND, title: "No API of this deployment has this path" },
  method_not_allowed: {
    status: 405,
    component: "gateway",
    jdStatus: "HTTP_METHOD_NOT_ALLOWED",
    mender: "caller",
    title: "No API of this path has this method",
  },
  body_too_large: {
    status: 413,
    component: "gateway",
    jdStatus: "HTTP_REQUEST_ENTITY_TOO_LARGE",
    mender: "caller",
    title: "The body is too large",
  },
  uri_too_long: {
    status: 414,
    component: "gateway",
    jdStatus: "HTTP_URI_TOO_LONG",
    mender: "caller",
    title: "The request target is too long",
  },
  headers_too_large: {
    status: 431,
    component: "gateway",
    jdStatus: "HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE",
    mender: "caller",
    title: "The headers are too large or too many",
  },
  rate_limited: { ...LIMITED, title: "Too many requests", retryAfterS: 1 },
  quota_exceeded: { ...LIMITED, title: "The quota is used up", retryAfterS: 60 },
  /** The default for faults of the gateway itself, of which the caller learns nothing but the request's id. */
  internal: {
    status: 500,
    component: "gateway",
    jdStatus: "HTTP_INTERNAL_SERVER_ERROR",
    mender: "operator",
    title: "Something went wrong on our side",
  },
  function_error: { ...BAD_GATEWAY, component: "function", mender: "provider", title: "The function failed" },
  function_init_failed: {
    ...BAD_GATEWAY,
    component: "function",
    mender: "provider",
    title: "The function could not be started",
  },
  function_response_invalid: {
    ...BAD_GATEWAY,
    component: "function",
    mender: "provider",
    title: "The function's answer is not a valid response",
  },
  function_out_of_memory: {
    ...BAD_GATEWAY,
    component: "function",
    mender: "provider",
    title: "The function ran out of memory",
  },
  instance_lost: { ...BAD_GATEWAY, component: "runner", mender: "provider", title: "The function's instance ended" },
  runner_lost: { ...BAD_GATEWAY, component: "runner", mender: "operator", title: "The function's runner was lost" },
  backend_failed: { ...BAD_GATEWAY, component: "backend", mender: "provider", title: "The backend failed" },
  no_runner: { ...UNAVAILABLE, component: "dispatch", title: "No runner can take the request", retryAfterS: 1 },
  overloaded: { ...UNAVAILABLE, component: "dispatch", title: "The platform is busy", retryAfterS: 1 },
  function_quarantined: {
    ...UNAVAILABLE,
    component: "function",
    mender: "provider",
    title: "The function keeps failing and is held back",
    retryAfterS: 30,
  },
  auth_unavailable: {
    ...UNAVAILABLE,
    component: "gateway",
    title: "The credential cannot be checked now",
    retryAfterS: 5,
  },
  replay_check_unavailable: {
    ...UNAVAILABLE,
    component: "gateway",
    title: "A repeated nonce cannot be ruled out now",
    retryAfterS: 1,
  },
  function_timeout: { ...TIMED_OUT, component: "function", title: "The function took too long" },
  backend_timeout: { ...TIMED_OUT, component: "backend", title: "The backend took too long" },
} as const satisfies Record<string, ReasonRow>;

export type Reason = keyof typeof REASONS;

/** The reasons that a runner may give for a failed call. Anything else from a runner answers `internal`. */
const RUNNER_REASONS: ReadonlySet<string> = new Set<Reason>([
  "function_error",
  "function_init_failed",
  "function_response_invalid",
  "function_out_of_memory",
  "function_quarantined",
  "function_timeout",
  "instance_lost",
]);

export function reasonOfRunner(reason: string): Reason {
  return RUNNER_REASONS.has(reason) ? (reason as Reason) : "internal";
}

/** Why a request is not served. `detail` is one line that the caller may read. */
export interface Refusal {
  reason: Reason;
  detail: string;
  /** Flat: name, value. */
  headers?: readonly string[];
  /** The connection cannot be used any more: what follows on it is not trusted or not wanted. */
  closes?: boolean;
}

export function refuse(reason: Reason, detail: string): Refusal {
  return { reason, detail };
}

export function isRefusal(value: object): value is Refusal {
  return "reason" in value && "detail" in value;
}
