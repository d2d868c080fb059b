import { causeChain, PlatformError } from "@millrace/errors";
import { CommanderError } from "commander";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { jsonText, printable } from "./table.ts";

export interface Failure {
  exitCode: number;
  /** For standard error. */
  text: string;
}

/** A few lines for people, or one JSON document, for whatever a command threw; `usage` is that of a command used wrongly. */
export function failureOf(thrown: unknown, json: boolean, usage?: string): Failure {
  if (thrown instanceof CommanderError) return commanderFailure(thrown, json, usage);
  if (!(thrown instanceof PlatformError))
    return render(EXIT.failed, "failed", "internal", causeChain(thrown).join(": "), json);
  const exitCode = exitCodeOf(thrown);
  const { code, reason, message, violations, metadata } = thrown;
  if (json) return { exitCode, text: jsonText({ code, reason, message, exitCode, violations, metadata }) };
  const suffix = reason === "request_invalid" ? "" : ` (${oneLine(reason)})`;
  return { exitCode, text: [`error: ${oneLine(message)}${suffix}`, ...details(thrown)].join("\n") };
}

/** What the message does not say already, e.g. each fault of refused code. */
function details({ message, violations }: PlatformError): string[] {
  return violations
    .filter(({ description }) => !message.includes(description))
    .map(({ field, description }) => `  ${oneLine(field)}: ${oneLine(description)}`);
}

function commanderFailure(error: CommanderError, json: boolean, usage: string | undefined): Failure {
  if (error.exitCode === 0) return { exitCode: EXIT.ok, text: "" };
  if (error.code === "commander.help") return { exitCode: EXIT.usage, text: "" };
  const failure = render(EXIT.usage, "invalid_argument", "usage", error.message.replace(/^error: /, ""), json);
  return json || usage === undefined ? failure : { ...failure, text: `${failure.text} (usage: ${usage})` };
}

function render(exitCode: number, code: string, reason: string, given: string, json: boolean): Failure {
  const message = oneLine(given);
  const text = json ? jsonText({ code, reason, message, exitCode }) : `error: ${message}`;
  return { exitCode, text };
}

function oneLine(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, " ").trim());
}
