import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import { canonicalHost, formatEgressTarget } from "@millrace/names";
import { type CheckedAddress, Lookups, OutboundFault, type Resolver } from "@millrace/outbound";
import { EGRESS_LIMITS } from "../limits.ts";
import type { EgressAudit, EgressOutcome } from "./audit.ts";
import { isListed } from "./egress-policy.ts";
import { Pace } from "./pace.ts";
import { letPass } from "./passage.ts";
import type { RoomShare } from "./room.ts";
import { refusalOfAddress, refusalOfHost, refusalOfLookup, type Terms } from "./verdict.ts";
import { KIND, type Message, type OpenRequest, readLookup, readMessage, readOpen, writeMessage } from "./wire.ts";

export interface RelayDependencies {
  project: string;
  terms: Terms;
  resolver: Resolver;
  dial(addresses: readonly CheckedAddress[], port: number, signal: AbortSignal): Promise<Socket>;
  audit: EgressAudit;
  /** Among all sandboxes. */
  room: RoomShare;
}

/** A connection that stands and waits to be claimed. */
interface Waiting {
  remote: Socket;
  asker: Socket;
  over(passage: Passed): void;
}

type Passed = { outcome: EgressOutcome } & Record<"bytesIn" | "bytesOut", number>;

const OUTCOMES: Record<string, EgressOutcome> = {
  EACCES: "denied",
  ENOTFOUND: "not_found",
  EAI_AGAIN: "not_found",
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timed_out",
  EAGAIN: "limited",
  ECANCELED: "abandoned",
};

/** What one sandbox connects to the world with. All that comes from the sandbox may be a lie; the worst of them costs its own project. */
export class Relay {
  readonly #deps: RelayDependencies;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #asks = new Pace(EGRESS_LIMITS.asksPerSecond);
  readonly #bytes = new Pace(EGRESS_LIMITS.bytesPerMinute, 60_000);
  /** Names that were looked up, by address: who looks first and connects then means the name. */
  readonly #names = new Map<string, string>();
  readonly #lookups = new Lookups();
  #connections = 0;

  constructor(deps: RelayDependencies) {
    this.#deps = deps;
  }

  /** Takes a connection of the sandbox. It says within a moment what it wants, or is closed. */
  take(socket: Socket): void {
    if (this.#sockets.size >= EGRESS_LIMITS.socketsMax || !this.#occupy(socket)) return void socket.destroy();
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
    socket.setTimeout(EGRESS_LIMITS.messageTimeoutMs, () => socket.destroy());
    let bytes: Buffer = Buffer.alloc(0);
    const onData = (more: Buffer) => {
      bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
      const message = readMessage(bytes);
      if (message === undefined) return;
      socket.off("data", onData);
      socket.setTimeout(0);
      if (message) this.#hear(socket, message);
      else socket.destroy();
    };
    socket.on("data", onData);
  }

  /** Counts the socket until it is closed; false when there is no room for it. */
  #occupy(socket: Socket): boolean {
    if (!this.#deps.room.take()) return false;
    socket.once("close", () => this.#deps.room.giveBack());
    return true;
  }

  close(): void {
    for (const { remote } of this.#waiting.values()) remote.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #hear(socket: Socket, { kind, body, rest }: Message): void {
    const open = kind === KIND.open ? readOpen(body) : undefined;
    const lookup = kind === KIND.lookup ? readLookup(body) : undefined;
    const waiting = kind === KIND.claim ? this.#waiting.get(Number(body.id)) : undefined;
    // Who asks says nothing more: what comes is its end.
    if (open || lookup) socket.once("end", () => socket.destroy()).resume();
    if (open) void this.#open(socket, open);
    else if (lookup) void this.#lookup(socket, lookup);
    else if (waiting) this.#claim(socket, Number(body.id), waiting, rest);
    else socket.destroy();
  }

  async #lookup(socket: Socket, { host, family }: { host: string; family: 0 | 4 | 6 }): Promise<void> {
    try {
      const addresses = await this.#addressesFor(host, family, goneOf(socket));
      socket.end(writeMessage(KIND.addresses, { addresses }));
    } catch (error) {
      answerFault(socket, error);
    }
  }

  /** What a function may know of a name: the addresses that it could connect to on some port. */
  async #addressesFor(text: string, family: 0 | 4 | 6, signal: AbortSignal): Promise<CheckedAddress[]> {
    const { terms, resolver } = this.#deps;
    if (!this.#asks.take(1)) throw new OutboundFault("EAI_AGAIN", "it asks for too much in too short a time");
    const host = canonicalHost(text);
    if (host === undefined) throw new OutboundFault("ENOTFOUND", "");
    const refusal = refusalOfLookup(terms, host);
    if (refusal) throw new OutboundFault("EACCES", refusal);
    const addresses = await resolver.addressesOf(host, family, { lookups: this.#lookups, signal });
    for (const { address } of addresses) this.#remember(address, host);
    return addresses;
  }

  #remember(address: string, host: string): void {
    this.#names.delete(address);
    this.#names.set(address, host);
    if (this.#names.size > EGRESS_LIMITS.namesKept) this.#names.delete(this.#names.keys().next().value!);
  }

  async #open(asker: Socket, request: OpenRequest): Promise<void> {
    const over = this.#begin(request);
    const hasRoom = this.#connections++ < EGRESS_LIMITS.connectionsMax;
    try {
      if (!hasRoom) throw new OutboundFault("EAGAIN", OVER_CONNECTIONS);
      const { remote, address } = await this.#connect(request, goneOf(asker));
      const id = this.#wait({ remote, asker, over: (passage) => over(passage.outcome, address.address, passage) });
      asker.write(writeMessage(KIND.opened, { id, ...address }));
    } catch (error) {
      this.#connections--;
      const { code, address } = error instanceof OutboundFault ? error : new OutboundFault("EIO", "");
      over(OUTCOMES[code] ?? "failed", address);
      answerFault(asker, error);
    }
  }

  /** Throws OutboundFault. */
  async #connect(request: OpenRequest, signal: AbortSignal): Promise<{ remote: Socket; address: CheckedAddress }> {
    const { terms, resolver, dial } = this.#deps;
    const { port, family } = request;
    if (!this.#asks.take(1)) throw new OutboundFault("EAGAIN", "the project connects too often in too short a time");
    const host = this.#hostOf(request);
    if (host === undefined) throw new OutboundFault("ENOTFOUND", "");
    const refusal = refusalOfHost(terms, host, port);
    if (refusal) throw new OutboundFault("EACCES", refusal);
    const addresses = await resolver.addressesOf(host, family, { lookups: this.#lookups, signal });
    const refusals = addresses.map((address) => refusalOfAddress(terms, host, port, address));
    const allowed = addresses.filter((_, i) => refusals[i] === undefined);
    if (allowed.length === 0) throw new OutboundFault("EACCES", refusals[0]!, addresses[0]!.address);
    if (signal.aborted) throw new OutboundFault("ECANCELED", "");
    const remote = await dial(allowed, port, signal);
    if (!this.#occupy(remote)) {
      remote.destroy();
      throw new OutboundFault("EAGAIN", "the runner has too many connections open");
    }
    return { remote, address: allowed.find(({ address }) => address === remote.remoteAddress) ?? allowed[0]! };
  }

  /** The host that the policy is asked about: what a function's own resolver says counts unless the policy lists the name. */
  #hostOf({ host: asked, port, given }: OpenRequest): string | undefined {
    const { policy } = this.#deps.terms;
    const host = canonicalHost(asked);
    if (host === undefined || isListed(policy, host, port)) return host;
    const told = given === "" ? host : canonicalHost(given);
    const named = told === undefined ? undefined : this.#names.get(told);
    return named !== undefined && isListed(policy, named, port) ? named : told;
  }

  #wait(waiting: Waiting): number {
    let id: number;
    do id = randomInt(EGRESS_LIMITS.idMin, EGRESS_LIMITS.idMax);
    while (this.#waiting.has(id));
    this.#waiting.set(id, waiting);
    const { remote, asker } = waiting;
    const giveUp = (outcome: EgressOutcome) => {
      clearTimeout(timer);
      if (this.#waiting.get(id) !== waiting) return;
      this.#waiting.delete(id);
      remote.destroy();
      asker.destroy();
      this.#connections--;
      waiting.over({ ...NONE, outcome });
    };
    const timer = setTimeout(giveUp, EGRESS_LIMITS.claimTimeoutMs, "abandoned");
    remote.once("close", () => giveUp("broken"));
    asker.once("close", () => giveUp("abandoned"));
    if (remote.destroyed) giveUp("broken");
    else if (asker.destroyed) giveUp("abandoned");
    return id;
  }

  #claim(socket: Socket, id: number, { remote, asker, over }: Waiting, first: Buffer): void {
    this.#waiting.delete(id);
    asker.end();
    letPass(socket, remote, first, {
      onBytes: (bytes) => this.#bytes.take(bytes),
      onOver: (passage) => {
        this.#connections--;
        over(passage);
      },
    });
  }

  /** Answers what to call once, when it is known what became of the attempt. */
  #begin({ host, port, functionName }: OpenRequest) {
    const startedAt = performance.now();
    const target = formatEgressTarget({ host: host.slice(0, EGRESS_LIMITS.hostCharsLogged), port });
    return (
      outcome: EgressOutcome,
      address: string,
      { bytesIn, bytesOut }: { bytesIn: number; bytesOut: number } = NONE,
    ) => {
      const durationMs = Math.round(performance.now() - startedAt);
      const { project } = this.#deps;
      this.#deps.audit.over({
        project,
        function: functionName,
        target,
        address,
        outcome,
        bytesOut,
        bytesIn,
        durationMs,
      });
    };
  }
}

const OVER_CONNECTIONS = `the project has ${EGRESS_LIMITS.connectionsMax} connections open from one sandbox`;
const NONE = { bytesIn: 0, bytesOut: 0 };

/** Which address was tried is told only of those that could be connected to. */
function answerFault(socket: Socket, error: unknown): void {
  const { code, message, address } = error instanceof OutboundFault ? error : new OutboundFault("EIO", "");
  socket.end(writeMessage(KIND.failed, { code, message, address: code === "EACCES" ? "" : address }));
}

/** Aborts when the socket is closed. */
function goneOf(socket: Socket): AbortSignal {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  return gone.signal;
}
