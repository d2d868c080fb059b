// The closed table of what a caller can be told. `jdStatus` are the words of JD's error envelope, for clients of that
// style; `mender` says who can do something about it, and `advice` what.

export type Component = "gateway" | "dispatch" | "runner" | "function" | "backend";
export type Mender = "caller" | "provider" | "operator";

export interface ReasonRow {
  status: number;
  component: Component;
  jdStatus: string;
  title: string;
  mender: Mender;
  /** One or two sentences for the mender. */
  advice: string;
  /** Seconds after which trying again makes sense. */
  retryAfterS?: number;
}

const BAD_REQUEST = { status: 400, component: "gateway", jdStatus: "HTTP_BAD_REQUEST", mender: "caller" } as const;
const UNAUTHENTICATED = { status: 401, component: "gateway", jdStatus: "ACCESS_ERROR", mender: "caller" } as const;
const FORBIDDEN = { status: 403, component: "gateway", jdStatus: "HTTP_FORBIDDEN" } as const;
const NOT_FOUND = { status: 404, component: "gateway", jdStatus: "NOT_FOUND", mender: "caller" } as const;
const LIMITED = { status: 429, component: "gateway", jdStatus: "HTTP_RATE_LIMIT_EXCEEDED", mender: "caller" } as const;
const BAD_GATEWAY = { status: 502, jdStatus: "HTTP_BAD_GATEWAY" } as const;
const FAILED = { ...BAD_GATEWAY, component: "function", mender: "provider" } as const;
const UNAVAILABLE = { status: 503, jdStatus: "HTTP_SERVICE_UNAVAILABLE", mender: "operator" } as const;
const TIMED_OUT = { status: 504, jdStatus: "HTTP_SERVER_TIMING_OUT", mender: "provider" } as const;

export const REASONS = {
  request_invalid: {
    ...BAD_REQUEST,
    title: "The request does not fit the API's definition",
    advice: "Mend what the answer lists, by the API's documentation.",
  },
  request_malformed: {
    ...BAD_REQUEST,
    title: "The request is not well-formed HTTP",
    advice: "The answer's detail says what is wrong. Send the request, and the whole of its body, as HTTP/1.1 has it.",
  },
  credential_missing: {
    ...UNAUTHENTICATED,
    title: "A credential, or a part of it, is missing",
    advice: "Sign the request with an access key, or send a subscription key in x-api-key.",
  },
  credential_unknown: {
    ...UNAUTHENTICATED,
    title: "The credential is not known",
    advice: "Check the key's id, and that the key was neither deleted nor disabled.",
  },
  signature_mismatch: {
    ...UNAUTHENTICATED,
    title: "The signature is not that of this request",
    advice:
      "Check the secret, and that method, path, query, signed headers and body are sent exactly as they were signed, for this host.",
  },
  signature_expired: {
    ...UNAUTHENTICATED,
    title: "The signature's date is too far from now",
    advice: "Set the caller's clock, and sign each request when it is sent: a signature holds for five minutes.",
  },
  nonce_reused: {
    ...UNAUTHENTICATED,
    title: "The nonce was used before",
    advice: "Make a new nonce, and with it a new signature, for each request, also for one that is tried again.",
  },
  body_hash_mismatch: {
    ...UNAUTHENTICATED,
    title: "The body is not the one that was signed",
    advice: "Send the very bytes that were hashed; look for something on the way that changes bodies.",
  },
  not_authorized: {
    ...FORBIDDEN,
    mender: "provider",
    title: "The key is not authorised for this deployment",
    advice: "Let the key call this group and environment: millrace authorize.",
  },
  ip_not_allowed: {
    ...FORBIDDEN,
    mender: "provider",
    title: "The source address is not allowed",
    advice: "Add the caller's address to the deployment's list.",
  },
  deployment_offline: {
    ...FORBIDDEN,
    mender: "provider",
    title: "The API is disabled",
    advice: "Bring the deployment online again, or tell callers that it is gone.",
  },
  no_deployment: {
    ...NOT_FOUND,
    title: "No deployment answers here",
    advice:
      "Compare the host, or the beginning of the path, with the URL that `millrace release status` shows. An environment that nothing was released to answers the same: `millrace release create`.",
  },
  no_route: {
    ...NOT_FOUND,
    title: "No API of this deployment has this path",
    advice:
      "Compare the path, with the group's prefix before it, with the APIs of the release. A new API answers once its revision is released: `millrace release diff` shows what is not yet, `millrace release create` serves it.",
  },
  method_not_allowed: {
    status: 405,
    component: "gateway",
    jdStatus: "HTTP_METHOD_NOT_ALLOWED",
    mender: "caller",
    title: "No API of this path has this method",
    advice: "Use a method of the header Allow.",
  },
  body_too_large: {
    status: 413,
    component: "gateway",
    jdStatus: "HTTP_REQUEST_ENTITY_TOO_LARGE",
    mender: "caller",
    title: "The body is too large",
    advice: "Send less at once. A provider whose callers need more gives the function a fetch export, which streams.",
  },
  uri_too_long: {
    status: 414,
    component: "gateway",
    jdStatus: "HTTP_URI_TOO_LONG",
    mender: "caller",
    title: "The request target is too long",
    advice: "Send what is long in the body.",
  },
  misdirected_request: {
    status: 421,
    component: "gateway",
    jdStatus: "HTTP_MISDIRECTED_REQUEST",
    mender: "caller",
    title: "The connection was made for another host",
    advice: "Open a connection of its own for each host: TLS must name the same host as the request does.",
  },
  headers_too_large: {
    status: 431,
    component: "gateway",
    jdStatus: "HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE",
    mender: "caller",
    title: "The headers are too large or too many",
    advice: "Send fewer or shorter headers; look for cookies that have grown.",
  },
  rate_limited: {
    ...LIMITED,
    title: "Too many requests",
    retryAfterS: 1,
    advice: "Wait as long as Retry-After says, and spread requests over time.",
  },
  quota_exceeded: {
    ...LIMITED,
    title: "The quota is used up",
    retryAfterS: 60,
    advice: "Wait for the quota's next period, or ask the provider for more.",
  },
  /** The default for faults of the gateway itself, of which the caller learns nothing but the request's id. */
  internal: {
    status: 500,
    component: "gateway",
    jdStatus: "HTTP_INTERNAL_SERVER_ERROR",
    mender: "operator",
    title: "Something went wrong on our side",
    advice: "Look for the request's id in the logs of the gateway and the runner.",
  },
  function_error: {
    ...FAILED,
    title: "The function failed",
    advice: "Its log has the error and the stack: mend the code, or catch what it throws and answer a status.",
  },
  function_init_failed: {
    ...FAILED,
    title: "The function could not be started",
    advice: "Its log has the error: look at what runs while the code loads, and at the variables that it expects.",
  },
  function_response_invalid: {
    ...FAILED,
    title: "The function's answer is not a valid response",
    advice: "Return {statusCode, headers, body}, or a Response; the log says what is wrong with this one.",
  },
  function_out_of_memory: {
    ...FAILED,
    title: "The function ran out of memory",
    advice: "Hold less at once, or give the function more memory.",
  },
  instance_lost: {
    ...BAD_GATEWAY,
    component: "runner",
    mender: "provider",
    title: "The function's instance ended",
    advice: "The log says what ended the process: process.exit, a crash, or another call of the project's.",
  },
  runner_lost: {
    ...BAD_GATEWAY,
    component: "runner",
    mender: "operator",
    title: "The function's runner was lost",
    advice: "Look at that runner's process, machine and network. The function may have run: check before trying again.",
  },
  backend_failed: {
    ...BAD_GATEWAY,
    component: "backend",
    mender: "provider",
    title: "The backend failed",
    advice:
      "Without an answer of the backend look at its address and its certificate, else at its own log. An address that is not public is refused before anything is sent, unless the platform's operator allows it: `npm start -- --backend-allow 127.0.0.1`.",
  },
  no_runner: {
    ...UNAVAILABLE,
    component: "dispatch",
    title: "No runner can take the request",
    retryAfterS: 1,
    advice: "Start a runner, or look why none beats: millrace runner list.",
  },
  overloaded: {
    ...UNAVAILABLE,
    component: "dispatch",
    title: "The platform is busy",
    retryAfterS: 1,
    advice:
      "Start more runners, or give runners more slots; a function at its own limit of concurrency needs a higher one.",
  },
  function_quarantined: {
    ...UNAVAILABLE,
    component: "function",
    mender: "provider",
    title: "The function keeps failing and is held back",
    retryAfterS: 30,
    advice: "Its log says what ended its sandbox each time. Mend and release it: a new version is tried at once.",
  },
  backend_unavailable: {
    ...UNAVAILABLE,
    component: "backend",
    mender: "provider",
    title: "The backend is not asked now",
    retryAfterS: 5,
    advice:
      "Most of the last requests to the backend failed, or too many wait for it. It is asked again on its own: look at its log for why it fails or is slow.",
  },
  auth_unavailable: {
    ...UNAVAILABLE,
    component: "gateway",
    title: "The credential cannot be checked now",
    retryAfterS: 5,
    advice: "Look at the service auth, and at the way from the gateway to it.",
  },
  replay_check_unavailable: {
    ...UNAVAILABLE,
    component: "gateway",
    title: "A repeated nonce cannot be ruled out now",
    retryAfterS: 1,
    advice: "Look at Redis, and at the way from the gateway to it.",
  },
  function_timeout: {
    ...TIMED_OUT,
    component: "function",
    title: "The function took too long",
    advice: "Find what it waits for (its log, calls that it makes), or give it a longer timeout.",
  },
  backend_timeout: {
    ...TIMED_OUT,
    component: "backend",
    title: "The backend took too long",
    advice: "Look at the backend's own log, or give the API a longer timeout.",
  },
} as const satisfies Record<string, ReasonRow>;

export type Reason = keyof typeof REASONS;
