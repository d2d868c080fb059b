/** A server that functions may connect to where their policy lists it; it sends them on to where they may not. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export class Decoy {
  readonly #server = createServer((request, response) => {
    const location = new URL(request.url ?? "/", "http://decoy").searchParams.get("to");
    if (location === null) response.end("decoy");
    else response.writeHead(302, { location }).end();
  });

  static async open(): Promise<Decoy> {
    const decoy = new Decoy();
    decoy.#server.listen(0, "127.0.0.1");
    await once(decoy.#server, "listening");
    return decoy;
  }

  /** `host:port` */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
