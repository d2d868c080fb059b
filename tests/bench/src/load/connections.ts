import { connect, type Socket } from "node:net";
import { ResponseParser } from "./response-parser.ts";

// Keep-alive connections to one server, one request at a time on each: as many as are needed at once, up to a bound; beyond it requests wait,
// and their latency grows with the wait.

/** A status code, or why there was none. */
export type Outcome = number | "reset" | "refused" | "timeout" | "broken";

export interface PendingRequest {
  /** The whole request as it goes on the wire. */
  readonly bytes: string;
  onSent(): void;
  onOutcome(outcome: Outcome): void;
}

export interface Server {
  host: string;
  port: number;
}

// What arrives is parsed before the next read, so one buffer serves all connections.
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

export class Connections {
  readonly #server: Server;
  readonly #connectionsMax: number;
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #waiting = new Set<PendingRequest>();
  readonly #carriers = new Map<PendingRequest, Connection>();

  constructor(server: Server, connectionsMax: number) {
    this.#server = server;
    this.#connectionsMax = connectionsMax;
  }

  get count(): number {
    return this.#all.size;
  }

  send(request: PendingRequest): void {
    const idle = this.#idle.pop();
    if (idle) this.#give(idle, request);
    else if (this.#all.size < this.#connectionsMax) this.#give(this.#open(), request);
    else this.#waiting.add(request);
  }

  /** The request's time is over: its connection is of no use any more. */
  giveUp(request: PendingRequest): void {
    if (this.#waiting.delete(request)) request.onOutcome("timeout");
    else this.#carriers.get(request)?.end("timeout");
  }

  close(): void {
    this.#waiting.clear();
    for (const connection of this.#all) connection.end("reset");
  }

  #open(): Connection {
    const connection = new Connection(this.#server, {
      onFree: () => this.#onFree(connection),
      onOver: (request, outcome) => {
        this.#carriers.delete(request);
        request.onOutcome(outcome);
      },
      onClosed: () => this.#onClosed(connection),
    });
    this.#all.add(connection);
    return connection;
  }

  #give(connection: Connection, request: PendingRequest): void {
    this.#carriers.set(request, connection);
    connection.send(request);
  }

  #onFree(connection: Connection): void {
    const next = this.#nextWaiting();
    if (next) this.#give(connection, next);
    else this.#idle.push(connection);
  }

  #onClosed(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    const next = this.#nextWaiting();
    if (next) this.#give(this.#open(), next);
  }

  #nextWaiting(): PendingRequest | undefined {
    for (const request of this.#waiting) {
      this.#waiting.delete(request);
      return request;
    }
    return undefined;
  }
}

interface ConnectionEvents {
  onFree(): void;
  onOver(request: PendingRequest, outcome: Outcome): void;
  onClosed(): void;
}

class Connection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #parser = new ResponseParser();
  #request: PendingRequest | undefined;
  #closed = false;

  constructor(server: Server, events: ConnectionEvents) {
    this.#events = events;
    const onread = {
      buffer: READ_BUFFER,
      callback: (bytes: number) => {
        this.#onBytes(READ_BUFFER.subarray(0, bytes));
        return true;
      },
    };
    this.#socket = connect({ ...server, noDelay: true, onread });
    this.#socket.on("error", (error: NodeJS.ErrnoException) =>
      this.end(error.code === "ECONNREFUSED" ? "refused" : "reset"),
    );
    this.#socket.on("end", () => this.#onEnd());
    this.#socket.on("close", () => this.end("reset"));
  }

  send(request: PendingRequest): void {
    this.#request = request;
    this.#parser.reset();
    this.#socket.write(request.bytes, "latin1");
    request.onSent();
  }

  /** Closes it; the request that it carries has this outcome. */
  end(outcome: Outcome): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    this.#finish(outcome);
    this.#events.onClosed();
  }

  #onBytes(bytes: Buffer): void {
    if (this.#closed) return;
    const state = this.#request === undefined ? "broken" : this.#parser.feed(bytes);
    if (state === "broken") this.end("broken");
    else if (state === "complete") this.#onWhole();
  }

  #onWhole(): void {
    const { status, keepsAlive } = this.#parser;
    if (keepsAlive) {
      this.#finish(status);
      this.#events.onFree();
    } else this.end(status);
  }

  #onEnd(): void {
    if (this.#request !== undefined && this.#parser.end() === "complete") this.end(this.#parser.status);
    else this.end("reset");
  }

  #finish(outcome: Outcome): void {
    const request = this.#request;
    this.#request = undefined;
    if (request) this.#events.onOver(request, outcome);
  }
}
