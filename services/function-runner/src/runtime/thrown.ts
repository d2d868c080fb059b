import { inspect, types } from "node:util";
import { SOURCES_LIMITS } from "../limits.ts";

/** An error's stack, and those of its causes and of the errors that it gathers. Whatever was thrown, this does not throw. */
export function describeThrown(thrown: unknown): string {
  try {
    const texts: string[] = [];
    collect(thrown, "", texts, new Set());
    return texts.join("\n");
  } catch {
    return "The function threw something that cannot be shown.";
  }
}

function collect(thrown: unknown, label: string, texts: string[], seen: Set<unknown>): void {
  if (texts.length === SOURCES_LIMITS.thrownMax || seen.has(thrown)) return;
  seen.add(thrown);
  texts.push(label + textOf(thrown));
  if (!isError(thrown)) return;
  const { errors } = thrown as { errors?: unknown };
  const gathered: unknown[] = Array.isArray(errors) ? errors.slice(0, SOURCES_LIMITS.thrownMax) : [];
  for (const [at, error] of gathered.entries()) collect(error, `errors[${at}]: `, texts, seen);
  if (thrown.cause !== undefined) collect(thrown.cause, "caused by: ", texts, seen);
}

function textOf(thrown: unknown): string {
  if (!isError(thrown)) return typeof thrown === "string" ? thrown : inspect(thrown);
  // A function that prepares stacks itself may make anything of them.
  const stack: unknown = thrown.stack;
  if (typeof stack === "string" && stack !== "") return stack;
  const frames = Array.isArray(stack) ? stack.map((site) => `\n    at ${site}`) : [];
  return `${thrown}${frames.join("")}`;
}

/** Also of another realm. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || types.isNativeError(thrown);
}
