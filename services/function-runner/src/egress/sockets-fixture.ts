// What egress is tested with: a function that treats its sockets in every way that Node has, and tells what came of it.
import dgram from "node:dgram";
import dns, { lookup as lookupNow } from "node:dns";
import { once } from "node:events";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

interface Asked {
  check: string;
  host: string;
  port: number;
}

type Check = (asked: Asked) => Promise<unknown>;

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
const failing = (doing: Promise<unknown>) => doing.then(() => "nothing failed", codeOf);

/** The names of the events, in their order, up to the one that is named. */
function eventsUntil(socket: net.Socket, last: string): Promise<string[]> {
  const seen: string[] = [];
  const over = Promise.withResolvers<string[]>();
  for (const event of ["lookup", "connectionAttempt", "connect", "ready", "timeout", "end", "error", "close"]) {
    socket.on(event, (...values: unknown[]) => {
      const said = event === "lookup" ? values.slice(1, 4) : event === "connectionAttempt" ? values : [];
      seen.push([event, ...said].join(" "));
      if (event === last) over.resolve(seen);
    });
  }
  return over.promise;
}

async function textOf(socket: net.Socket): Promise<string> {
  return (await socket.toArray()).join("");
}

const CHECKS: Record<string, Check> = {
  events: async ({ host, port }) => {
    const socket = net.connect(port, host, () => (calledBack = true));
    let calledBack = false;
    const isConnecting = socket.connecting;
    const seen = await eventsUntil(socket, "ready");
    const { remoteAddress, remotePort, remoteFamily } = socket;
    socket.destroy();
    return { isConnecting, calledBack, seen, remote: [remoteAddress, remotePort, remoteFamily] };
  },
  forms: async ({ host, port }) => {
    const sockets = [
      net.connect({ host, port }),
      net.connect(port, host),
      net.createConnection({ host, port: String(port) as never, family: 4 }),
      net.connect({ host, port, autoSelectFamily: false, noDelay: true, keepAlive: true }),
      new net.Socket().connect(port, host),
      new net.Socket({ allowHalfOpen: true }).connect({ host, port, lookup: dns.lookup }),
    ];
    return Promise.all(sockets.map((socket) => textOf(socket.setNoDelay().end("echo hello"))));
  },
  halfOpen: async ({ host, port }) => {
    const socket = net.connect({ host, port, allowHalfOpen: true });
    socket.end("late answer");
    return textOf(socket);
  },
  reset: ({ host, port }) =>
    failing(
      textOf(
        net
          .connect(port, host)
          .setNoDelay()
          .on("connect", function (this: net.Socket) {
            this.write("reset");
          }),
      ),
    ),
  ended: async ({ host, port }) => {
    const socket = net.connect(port, host);
    socket.write("bye");
    return (await eventsUntil(socket.resume(), "close")).slice(-2);
  },
  destroyedWhileAsking: async ({ host, port }) => {
    const socket = net.connect(port, host);
    socket.destroy();
    return eventsUntil(socket, "close");
  },
  aborted: async ({ host, port }) => {
    const abort = new AbortController();
    const socket = net.connect({ host, port, signal: abort.signal } as net.TcpNetConnectOpts);
    setImmediate(() => abort.abort());
    return failing(once(socket, "connect"));
  },
  timeout: async ({ host, port }) => {
    const socket = net.connect({ host, port, timeout: 100 });
    const seen = await eventsUntil(socket, "timeout");
    socket.destroy();
    return seen.at(-1);
  },
  unref: async ({ host, port }) => {
    const socket = net.connect(port, host).unref().ref();
    return textOf(socket.end("echo unref"));
  },
  big: async ({ host, port }) => {
    const socket = net.connect(port, host);
    const bytes = Buffer.alloc(8 * 1024 * 1024, "x");
    socket.end(Buffer.concat([Buffer.from("echo "), bytes]));
    return (await textOf(socket)).length;
  },
  error: ({ host, port }) =>
    once(net.connect(port, host), "connect").then(
      () => "connected",
      (error: object) => ({ ...error, message: (error as Error).message }),
    ),
  own: async () => {
    const server = net.createServer((socket) => socket.end("own")).listen(0);
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    const texts = [];
    for (const host of ["127.0.0.1", "localhost", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"])
      texts.push(await textOf(net.connect(port, host)));
    server.close();
    return texts;
  },
  path: async () => {
    const path = `${process.env.TMPDIR}/own.sock`;
    const server = net.createServer((socket) => socket.end("own")).listen(path);
    await once(server, "listening");
    const text = await textOf(net.connect(path));
    server.close();
    return [text, await failing(once(net.connect({ path: "/nowhere" }), "connect"))];
  },
  badPort: ({ host }) => failing((async () => net.connect(70_000, host))()),
  lookup: async ({ host }) => {
    const all = await dns.promises.lookup(host, { all: true });
    const one = await dns.promises.lookup(host, 4);
    const promised = await promisify(lookupNow)(host);
    const named = await new Promise((resolve) =>
      lookupNow(host, (error, address, family) => resolve([error, address, family])),
    );
    return { all, one, promised, named };
  },
  local: async () => [
    await dns.promises.lookup("localhost"),
    await dns.promises.lookup("10.0.0.1"),
    await dns.promises.lookup("a.localhost", 6),
  ],
  lookupError: ({ host }) =>
    dns.promises
      .lookup(host)
      .then(String, ({ code, syscall, hostname, message }) => ({ code, syscall, hostname, message })),
  resolve: async ({ host }) => [
    await failing(dns.promises.resolve4(host)),
    await failing(promisify(dns.resolve)(host)),
    await failing(new dns.promises.Resolver().resolveMx(host)),
  ],
  udp: ({ host, port }) => {
    const socket = dgram.createSocket("udp4");
    const sent = Promise.withResolvers<unknown>();
    socket.on("error", (error) => sent.resolve(codeOf(error)));
    socket.send("x", port, host, (error) => sent.resolve(error ? codeOf(error) : "sent"));
    return sent.promise.finally(() => socket.close());
  },
  lookFirst: async ({ host, port }) => {
    const { address } = await dns.promises.lookup(host);
    return textOf(net.connect(port, address).end("echo by address"));
  },
  ownLookup: async ({ host, port }) => {
    const pinned: net.LookupFunction = (_name, { all }, found) =>
      all ? found(null, [{ address: host, family: 4 }]) : found(null, host, 4);
    const socket = net.connect({ host: "pinned.example.com", port, lookup: pinned });
    return failing(once(socket, "connect")).finally(() => socket.destroy());
  },
  many: async ({ host, port }) => {
    const sockets: net.Socket[] = [];
    for (;;) {
      const socket = net.connect(port, host).on("error", () => {});
      const failed: Error | undefined = await once(socket, "connect").then(
        () => undefined,
        (error) => error,
      );
      if (!failed) sockets.push(socket);
      else if (failed.message.includes("too often")) await delay(1_000);
      else {
        for (const open of sockets) open.destroy();
        return [sockets.length, codeOf(failed), failed.message];
      }
    }
  },
};

export default {
  async fetch(request: Request): Promise<Response> {
    const asked = (await request.json()) as Asked;
    return Response.json((await CHECKS[asked.check]!(asked)) ?? null);
  },
};
