import type { Metadata } from "@grpc/grpc-js";
import type { ServicePrincipal } from "./access.ts";

// The console calls for people who reached it over HTTP. It says from where they came, and proves by its service token that it is the
// console; nobody else is believed.

export const FORWARDED_FOR = "x-millrace-forwarded-for";
export const FORWARDED_BY = "x-millrace-forwarded-by";

/** An IP address and a port. */
const ADDRESS = /^(?:[0-9.]{7,15}|\[[0-9a-fA-F:.]{2,45}\]):\d{1,5}$/;

export interface Forwarders {
  /** Throws unless a known service has signed the token for this one. */
  verify(token: string): Promise<ServicePrincipal>;
}

/** Where a call comes from: as the console says, when it is the console, else whoever is at the other end. Never throws. */
export async function callerOf(
  call: { metadata: Metadata; getPeer(): string },
  forwarders: Forwarders | undefined,
): Promise<string> {
  const [address = "", by = ""] = [FORWARDED_FOR, FORWARDED_BY].map((name) => String(call.metadata.get(name)[0] ?? ""));
  if (!forwarders || by === "" || !ADDRESS.test(address)) return call.getPeer();
  const forwarder = await forwarders.verify(by).catch(() => undefined);
  return forwarder?.service === "console" ? address : call.getPeer();
}
