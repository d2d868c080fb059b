// The closed set of error codes: gRPC's names and numbers, and what each means at the other edges.
export interface ErrorCodeRow {
  grpc: number;
  http: number;
  retry: "never" | "backoff" | "after-change";
  title: string;
}

export const ERROR_CODES = {
  cancelled: { grpc: 1, http: 499, retry: "never", title: "Cancelled" },
  unknown: { grpc: 2, http: 500, retry: "never", title: "Unknown" },
  invalid_argument: { grpc: 3, http: 400, retry: "never", title: "Invalid argument" },
  deadline_exceeded: { grpc: 4, http: 504, retry: "backoff", title: "Deadline exceeded" },
  not_found: { grpc: 5, http: 404, retry: "never", title: "Not found" },
  already_exists: { grpc: 6, http: 409, retry: "never", title: "Already exists" },
  permission_denied: { grpc: 7, http: 403, retry: "never", title: "Permission denied" },
  resource_exhausted: { grpc: 8, http: 429, retry: "backoff", title: "Resource exhausted" },
  failed_precondition: { grpc: 9, http: 400, retry: "after-change", title: "Failed precondition" },
  aborted: { grpc: 10, http: 409, retry: "after-change", title: "Aborted" },
  out_of_range: { grpc: 11, http: 400, retry: "never", title: "Out of range" },
  unimplemented: { grpc: 12, http: 501, retry: "never", title: "Unimplemented" },
  internal: { grpc: 13, http: 500, retry: "never", title: "Internal error" },
  unavailable: { grpc: 14, http: 503, retry: "backoff", title: "Unavailable" },
  data_loss: { grpc: 15, http: 500, retry: "never", title: "Data loss" },
  unauthenticated: { grpc: 16, http: 401, retry: "after-change", title: "Unauthenticated" },
} as const satisfies Record<string, ErrorCodeRow>;

export type ErrorCode = keyof typeof ERROR_CODES;

const BY_GRPC = new Map<number, ErrorCode>(
  Object.entries(ERROR_CODES).map(([code, row]) => [row.grpc, code as ErrorCode]),
);

/** The code of a gRPC status number; numbers outside the set are `unknown`. */
export function errorCodeOfGrpc(status: number): ErrorCode {
  return BY_GRPC.get(status) ?? "unknown";
}
