// The sandbox's main thread between its threads' sockets and the supervisor. A connection to 127.a.b.c is the function's end of the
// connection with that number; its bytes are carried, never looked at.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { countSpent } from "@millrace/frames";
import { ChunkParser, KIND, RELAY_SOCKET, type Way, writeMessage } from "../egress/wire.ts";

/** Listens on every loopback address of the sandbox. */
export function openWay(folder: string): Way {
  const relaySocket = join(folder, RELAY_SOCKET);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => carry(socket, relaySocket));
  // Without a host, the port is known at once.
  server.listen(0);
  return { relaySocket, relayPort: (server.address() as AddressInfo).port };
}

function carry(socket: Socket, relaySocket: string): void {
  const relay = connect({ path: relaySocket, allowHalfOpen: true });
  const chunks = new ChunkParser((bytes) => {
    if (!socket.write(bytes)) relay.pause();
  });
  relay.write(writeMessage(KIND.claim, { id: connectionIdOf(socket) }));
  socket.pipe(relay);
  socket.on("drain", () => relay.resume());
  socket.on("error", () => relay.destroy());
  socket.on("close", () => {
    if (!socket.readableEnded) relay.destroy();
  });
  relay.on("data", (bytes: Buffer) => {
    countSpent(bytes.length);
    chunks.push(bytes);
    if (chunks.state === "ended") socket.end();
  });
  relay.on("error", () => {});
  relay.on("close", () => {
    if (chunks.state !== "ended") socket.resetAndDestroy();
  });
  relay.on("end", () => {
    if (chunks.state !== "ended") relay.destroy();
  });
}

function connectionIdOf({ localAddress = "" }: Socket): number {
  const [, a = 0, b = 0, c = 0] = localAddress
    .slice(localAddress.lastIndexOf(":") + 1)
    .split(".")
    .map(Number);
  return (a << 16) | (b << 8) | c;
}
