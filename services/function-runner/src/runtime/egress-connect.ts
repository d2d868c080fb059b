// How a function's sockets reach the world from a network namespace that has no way out. A connect to another host asks the supervisor to
// connect; then the socket connects to 127.a.b.c, where a.b.c is the number of that connection, and the sandbox's main thread lets the
// bytes pass (relay-listener.ts). For Node this is a connect whose lookup took a moment: it keeps its state, events and deadlines.
//
// The function shares this realm. Nothing here is a defence: without it, a function reaches nothing at all.
import { AsyncResource } from "node:async_hooks";
import { errorMonitor } from "node:events";
import net, { type LookupFunction, type Socket } from "node:net";
import { type Failed, familyOf, type Opened, type Way } from "../egress/wire.ts";
import { askToOpen } from "./egress-ask.ts";
import { connectError, explainOwnLoopback } from "./egress-errors.ts";

/** What is known once there is a function. */
export interface Traveller {
  functionName: string;
  /** Loopback `address:port`s that are the machine's, not the sandbox's own. */
  hostLoopback: ReadonlySet<string>;
}

interface Options {
  host?: unknown;
  port?: unknown;
  path?: unknown;
  family?: unknown;
  lookup?: LookupFunction | undefined;
}

/** Some of what a socket keeps, as Node 26 names it. */
interface Inner {
  _host: string | null;
  _peername: object | null;
}

const LOCAL_NAME = /^(.*\.)?localhost\.?$/i;
const loopback = new net.BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
// To connect to the unspecified address is to connect to oneself, on Linux.
loopback.addAddress("0.0.0.0", "ipv4");
loopback.addAddress("::", "ipv6");

const PLACEHOLDER = "relayed.invalid";
const connect = net.Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket;

/** Wraps connecting for the whole thread. */
export function relayConnections(way: Way, traveller: Traveller): void {
  net.Socket.prototype.connect = function relayed(this: Socket, ...args: unknown[]): Socket {
    const [options, callback] = normalized(args);
    const target = targetOf(options, traveller.hostLoopback);
    if (!target) {
      if (!options.path) this.once(errorMonitor, explainOwnLoopback);
      return connect.apply(this, args);
    }
    const lookup = lookupThrough(this, { ...target, ...way, options, traveller });
    const named = net.isIP(target.host) === 0 ? target.host : PLACEHOLDER;
    const relayed = { ...options, host: named, port: way.relayPort, family: 0, lookup, autoSelectFamily: false };
    return callback ? connect.call(this, relayed, callback) : connect.call(this, relayed);
  } as typeof net.Socket.prototype.connect;
}

/** The forms of arguments: (options), (port, host), (path), and what Node has normalized itself. */
function normalized(args: unknown[]): [Options, unknown] {
  const [first, second] = args;
  if (Array.isArray(first)) return [(first[0] ?? {}) as Options, first[1] ?? undefined];
  const last = args.at(-1);
  const callback = typeof last === "function" ? last : undefined;
  if (typeof first === "object" && first !== null) return [first as Options, callback];
  if (typeof first === "string" && !Number.isFinite(Number(first))) return [{ path: first }, callback];
  return [{ port: first, ...(typeof second === "string" && { host: second }) }, callback];
}

/** Where a connect goes that is not the sandbox's own affair; undefined for all others, and for what Node has to complain of. */
function targetOf(
  { host = "localhost", port, path }: Options,
  hostLoopback: ReadonlySet<string>,
): { host: string; port: number } | undefined {
  const number = typeof port === "string" && port.trim() !== "" ? Number(port) : port;
  if (path || typeof host !== "string" || host === "" || host.includes("\0")) return undefined;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 1 || number > 65_535) return undefined;
  if (!isLoopback(host)) return { host, port: number };
  const spellings = /^\[?::1/.test(host) ? [`[::1]:${number}`] : [`127.0.0.1:${number}`, `[::1]:${number}`];
  if (net.isIPv4(host)) spellings[0] = `${host}:${number}`;
  return spellings.some((spelling) => hostLoopback.has(spelling)) ? { host, port: number } : undefined;
}

/** Whether the host is the sandbox itself. */
export function isLoopback(host: string): boolean {
  const family = net.isIP(host);
  if (family === 0) return LOCAL_NAME.test(host);
  return loopback.check(host, family === 4 ? "ipv4" : "ipv6");
}

interface Errand extends Way {
  host: string;
  port: number;
  options: Options;
  traveller: Traveller;
}

/** A lookup that answers with the connection that the supervisor has made. */
function lookupThrough(socket: Socket, errand: Errand): LookupFunction {
  return (_name, _options, callback) => {
    const answer = AsyncResource.bind(callback);
    const isName = net.isIP(errand.host) === 0;
    // Node notes the name behind this call.
    if (!isName) queueMicrotask(() => ((socket as unknown as Inner)._host = null));
    const arrive = (opened: Opened) => {
      (socket as unknown as Inner)._peername = peerOf(opened, errand.port);
      if (isName) socket.emit("lookup", null, opened.address, opened.family, errand.host);
      const own = `127.${opened.id >> 16}.${(opened.id >> 8) & 255}.${opened.id & 255}`;
      quietly(socket, opened, errand.port, () => answer(null, own, 4));
    };
    const fail = (failed: Failed) => {
      const error = connectError(failed, errand.host, errand.port);
      if (isName && (error as NodeJS.ErrnoException).syscall === "getaddrinfo") answer(error, "", 0);
      else quietly(socket, undefined, errand.port, () => answer(error, "", 0));
    };
    void askFor(socket, errand).then(arrive, fail);
  };
}

/** Asks, and gives up when the socket is closed before it is connected. */
async function askFor(socket: Socket, { relaySocket, host, port, options, traveller }: Errand): Promise<Opened> {
  const family = familyOf(options.family);
  const given = options.lookup && net.isIP(host) === 0 ? await givenBy(options.lookup, host, family) : "";
  if (socket.destroyed) throw { code: "ECANCELED", message: "", address: "" } satisfies Failed;
  const { functionName } = traveller;
  const { answer, giveUp } = askToOpen(relaySocket, { host, port, family, given, functionName });
  socket.once("close", giveUp);
  socket.once("connect", () => socket.off("close", giveUp));
  return answer;
}

/** What a function's own resolver says. Rejects with `Failed`. */
function givenBy(lookup: LookupFunction, host: string, family: 0 | 4 | 6): Promise<string> {
  const given = Promise.withResolvers<string>();
  lookup(host, { family, all: false }, (error, found) => {
    const address = Array.isArray(found) ? found[0]?.address : found;
    if (!error && typeof address === "string") return given.resolve(address);
    const { code = "ENOTFOUND", message = "" } = (error ?? {}) as NodeJS.ErrnoException;
    given.reject({ code, message, address: "" } satisfies Failed);
  });
  return given.promise;
}

function peerOf({ address, family }: Opened, port: number): object {
  return { address, family: `IPv${family}`, port };
}

/** While Node goes on, listeners hear of the other side's address and not of the one inside the sandbox. */
function quietly(socket: Socket, opened: Opened | undefined, port: number, goOn: () => void): void {
  const emit = socket.emit;
  const hadOwn = Object.hasOwn(socket, "emit");
  socket.emit = function filtered(this: Socket, event: string | symbol, ...args: unknown[]): boolean {
    if (event === "lookup") return false;
    const shown = event === "connectionAttempt" && opened ? [opened.address, port, opened.family] : args;
    return (emit as (...all: unknown[]) => boolean).call(this, event, ...shown);
  } as typeof socket.emit;
  try {
    goOn();
  } finally {
    if (hadOwn) socket.emit = emit;
    else delete (socket as Partial<Pick<Socket, "emit">>).emit;
  }
}
