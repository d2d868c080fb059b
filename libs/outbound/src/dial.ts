import { connect, type LookupFunction, type Socket } from "node:net";
import type { CheckedAddress } from "./addresses.ts";
import { OUTBOUND_LIMITS } from "./limits.ts";
import { OutboundFault } from "./resolver.ts";

/** Connects to one of the addresses, the first that answers, and to no other. The socket may be half open. Throws OutboundFault. */
export function dial(addresses: readonly CheckedAddress[], port: number, signal: AbortSignal): Promise<Socket> {
  // The name is never resolved: the lookup answers what was checked.
  const checked: LookupFunction = (_name, { all }, found) =>
    all
      ? found(
          null,
          addresses.map((one) => ({ ...one })),
        )
      : found(null, addresses[0]!.address, addresses[0]!.family);
  const socket = connect({
    host: "checked.invalid",
    port,
    lookup: checked,
    autoSelectFamily: true,
    allowHalfOpen: true,
    noDelay: true,
  });
  const dialed = Promise.withResolvers<Socket>();
  const give = (code: string) => {
    socket.destroy();
    dialed.reject(new OutboundFault(code, "", addresses[0]!.address));
  };
  const timer = setTimeout(() => give("ETIMEDOUT"), OUTBOUND_LIMITS.connectTimeoutMs);
  const onAbort = () => give("ECANCELED");
  signal.addEventListener("abort", onAbort);
  socket.once("connect", () => dialed.resolve(socket));
  socket.on("error", (error: NodeJS.ErrnoException) => give(error.code ?? "ECONNREFUSED"));
  return dialed.promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  });
}
