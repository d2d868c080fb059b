// The messages and services of millrace.control.v1.
export * from "../gen/millrace/control/v1/projects.ts";
export * from "../gen/millrace/control/v1/functions.ts";
export * from "../gen/millrace/control/v1/groups.ts";
export * from "../gen/millrace/control/v1/apis.ts";
export * from "../gen/millrace/control/v1/deployments.ts";
export * from "../gen/millrace/control/v1/logs.ts";
export * from "../gen/millrace/control/v1/admin.ts";
export * from "../gen/millrace/control/v1/internal.ts";
