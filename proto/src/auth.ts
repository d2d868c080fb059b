// The messages and services of millrace.auth.v1.
export * from "../gen/millrace/auth/v1/people.ts";
export * from "../gen/millrace/auth/v1/tokens.ts";
export * from "../gen/millrace/auth/v1/members.ts";
export * from "../gen/millrace/auth/v1/keys.ts";
export * from "../gen/millrace/auth/v1/authorizations.ts";
export * from "../gen/millrace/auth/v1/internal.ts";
