import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  headers: IncomingHttpHeaders;
  text: string;
  body: { deliveryId: string; type: string; from: string; to: string; number: number; [member: string]: unknown };
}

/** Somebody's end of a webhook: keeps what it is told, and answers as it is told to; 204 at first. */
export async function startReceiver(owner: { after(release: () => void): unknown }) {
  const received: Received[] = [];
  const receiver = { answer: (response: ServerResponse) => void response.writeHead(204).end() };
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    received.push({ headers: request.headers, text, body: JSON.parse(text) });
    receiver.answer(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  owner.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiver, { received, port, url: `http://127.0.0.1:${port}/hook` });
}
