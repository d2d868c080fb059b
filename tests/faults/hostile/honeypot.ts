/** Listens on every address of this machine and counts who comes: what no sandbox of the full tier may reach. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export class Honeypot {
  /** Connections and datagrams, by what they said first. */
  readonly visits: string[] = [];
  readonly #server = createServer((socket) => this.#visit(socket)).unref();
  readonly #datagrams = createSocket("udp4").unref();
  readonly #sockets = new Set<Socket>();

  static async open(): Promise<Honeypot> {
    const honeypot = new Honeypot();
    honeypot.#server.listen(0, "0.0.0.0");
    await once(honeypot.#server, "listening");
    honeypot.#datagrams.on("message", () => honeypot.visits.push("a datagram"));
    honeypot.#datagrams.bind(honeypot.port);
    await once(honeypot.#datagrams, "listening");
    return honeypot;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    this.#datagrams.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #visit(socket: Socket): void {
    this.visits.push("a connection");
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhoney");
  }
}
