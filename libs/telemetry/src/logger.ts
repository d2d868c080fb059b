import { causeChain, PlatformError } from "@millrace/errors";
import { pino } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type Logger = pino.Logger;

/** A logger of JSON lines on standard output. Errors are logged with their causes, which strangers never see. */
export function createLogger(level: LogLevel, fields: { service: string } & Record<string, string>): Logger {
  return pino({
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describeError },
    redact: { paths: ["*.authorization", "*.password", "*.secret", "*.token"], censor: "[set]" },
  });
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { messages: [String(error)] };
  const identity = error instanceof PlatformError ? { code: error.code, reason: error.reason } : { name: error.name };
  return { ...identity, messages: causeChain(error), stack: rootStack(error) };
}

/** The stack of the innermost error: where it began. */
function rootStack(error: Error): string | undefined {
  let root = error;
  while (root.cause instanceof Error) root = root.cause;
  return root.stack;
}
