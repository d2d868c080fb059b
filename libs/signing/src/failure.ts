/** Why a presented signature cannot even be checked. Closed set: the gateway maps each to a reason of its error table. */
export type FailureCode =
  | "authorization_missing"
  | "authorization_malformed"
  | "algorithm_unknown"
  | "credential_missing"
  | "credential_malformed"
  | "scope_terminator_wrong"
  | "signed_headers_missing"
  | "signed_headers_malformed"
  | "signature_missing"
  | "signature_malformed"
  | "date_missing"
  | "date_malformed"
  | "date_outside_scope"
  | "nonce_missing"
  | "nonce_malformed"
  | "header_repeated"
  | "header_unsigned"
  | "header_absent"
  | "body_hash_malformed"
  | "body_hash_unsigned";

/** `detail` is one clear line for the caller; it repeats header names, never header values. */
export interface Failure {
  readonly failure: FailureCode;
  readonly detail: string;
}

export const fail = (failure: FailureCode, detail: string): Failure => ({ failure, detail });

export const isFailure = (value: object): value is Failure => "failure" in value;
