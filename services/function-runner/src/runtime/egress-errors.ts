// Errors of connections and lookups as Node makes them, so that code which knows Node's understands these.
import { getSystemErrorMap } from "node:util";
import type { Failed } from "../egress/wire.ts";

const NUMBERS = new Map([...getSystemErrorMap()].map(([errno, [name]]) => [name, errno]));
/** Those of getaddrinfo have negative numbers of libuv, too. */
const ENOTFOUND = -3008;

interface Details {
  syscall: string;
  hostname?: string;
  address?: string;
  port?: number;
}

export function lookupError({ code, message }: Failed, hostname: string): Error {
  return systemError(code, `getaddrinfo ${code} ${hostname}${reason(message)}`, { syscall: "getaddrinfo", hostname });
}

export function connectError(failed: Failed, host: string, port: number): Error {
  if (failed.code === "ENOTFOUND" || failed.code === "EAI_AGAIN") return lookupError(failed, host);
  const { code, message } = failed;
  const address = failed.address || host;
  const target = `${address}:${port}`;
  return systemError(code, `connect ${code} ${target}${reason(message)}`, { syscall: "connect", address, port });
}

const OWN_LOOPBACK =
  "this is the sandbox's own loopback; the machine's is reached when the function's egress lists it and the platform's operator allows it";

/** Whoever has a database on localhost is not to take it for down. */
export function explainOwnLoopback(error: Error & { code?: unknown; errors?: unknown }): void {
  for (const each of [error, ...(Array.isArray(error.errors) ? (error.errors as Error[]) : [])]) {
    if (error.code !== "ECONNREFUSED" || !(each instanceof Error)) continue;
    const { message, stack = "" } = each;
    const explained = `${message || "connect ECONNREFUSED"}: ${OWN_LOOPBACK}`;
    each.message = explained;
    each.stack = stack.replace(message, () => explained);
  }
}

function systemError(code: string, message: string, details: Details): Error {
  const errno = code === "ENOTFOUND" ? ENOTFOUND : NUMBERS.get(code);
  return Object.assign(new Error(message), { errno, code, ...details });
}

function reason(message: string): string {
  return message === "" ? "" : `: ${message}`;
}
