import { statSync } from "node:fs";
import { resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { invalidFields, PlatformError } from "@millrace/errors";
import { Option } from "commander";
import type { Context } from "../context.ts";
import { platformHere } from "../profiles/platform-file.ts";
import { existingPath, readText, type Terminal } from "../terminal.ts";

// What letting runners and gateways in has in common, and joining with what that answered.

/** Who starts and runs them is also who starts the platform, which this program does not know; it is loaded when it is needed. */
export const joining = () => import("@millrace/local/joining");

const READABLE_BY_OTHERS = 0o077;

export const natsOption = () =>
  new Option("--nats <url>", "where NATS is found, when that is not where the platform does");
export const natsCaOption = () =>
  new Option("--nats-ca <file>", "PEM of the authority that signed the certificate of NATS, where it is private");
export const stateOption = () =>
  new Option("--state <folder>", "where to keep what it needs and logs (default: in .millrace of the clone)");

/** They are let in by the platform's own folder, which must be of the platform that all other commands would go to. */
export function ownFolder({ terminal, profile }: Context): string {
  const { folder, authAddress } = platformHere(terminal);
  if (sameMachine(profile.authAddress) === sameMachine(authAddress)) return folder;
  throw new PlatformError(
    "failed_precondition",
    `You are signed in to the platform at ${profile.authAddress}; the one that runs here is at ${authAddress}. Call this on the first one's machine, or choose another profile.`,
    { reason: "platform_not_here" },
  );
}

const sameMachine = (address: string): string => address.replace(/^localhost:/, "127.0.0.1:");

/** The text of a file that an option names, when it does. */
export function fileOption(terminal: Terminal, option: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : readText(existingPath(resolve(terminal.cwd, path), option), option);
}

export async function readBundle<T>(terminal: Terminal, path: string, parse: (text: string) => T): Promise<T> {
  if (path === "-") {
    const text = await readAll(terminal.stdin);
    return checked("<bundle>", () => parse(text));
  }
  const file = existingPath(resolve(terminal.cwd, path), "<bundle>");
  if ((statSync(file).mode & READABLE_BY_OTHERS) !== 0) {
    throw invalidFields([{ field: "<bundle>", description: `${file} can be read by others; chmod 600 it` }]);
  }
  return checked("<bundle>", () => parse(readText(file, "<bundle>")));
}

/** A server that is not the platform's own has to be told by whoever runs it. */
export function noteAccounts({ stderr }: Terminal, file: string | undefined): void {
  if (file !== undefined) stderr.write(`NATS is not Millrace's own: give it the accounts in ${file} and reload it\n`);
}

export function checked<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw invalidFields([{ field, description: (error as Error).message }]);
  }
}
