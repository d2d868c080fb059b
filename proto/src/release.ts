// The messages and services of millrace.release.v1.
export * from "../gen/millrace/release/v1/release.ts";
