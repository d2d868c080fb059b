// The messages and services of millrace.invocation.v1.
export * from "../gen/millrace/invocation/v1/invocation.ts";
