// A thread's questions to the supervisor over the sandbox's relay socket; each has a connection of its own.
import net from "node:net";
import { type Failed, type FoundAddress, KIND, type Opened, readMessage, writeMessage } from "../egress/wire.ts";

/** Longer than the supervisor takes for anything. */
const ANSWER_TIMEOUT_MS = 20_000;

// As it is before anybody wraps it.
const connect = net.Socket.prototype.connect as (this: net.Socket, options: { path: string }) => net.Socket;

export interface Ask<T> {
  /** Rejects with `Failed`. */
  answer: Promise<T>;
  /** Nobody waits any more: what was opened and is not in use is closed. */
  giveUp(): void;
}

export function askToOpen(relaySocket: string, request: object): Ask<Opened> {
  return ask<Opened>(relaySocket, KIND.open, request, KIND.opened);
}

export function askForAddresses(relaySocket: string, request: object): Ask<{ addresses: FoundAddress[] }> {
  return ask<{ addresses: FoundAddress[] }>(relaySocket, KIND.lookup, request, KIND.addresses);
}

function ask<T>(relaySocket: string, kind: number, request: object, answerKind: number): Ask<T> {
  const answer = Promise.withResolvers<T>();
  const fail = (code: string, message = "") => answer.reject({ code, message, address: "" } satisfies Failed);
  const socket = new net.Socket();
  let bytes: Buffer = Buffer.alloc(0);
  connect.call(socket, { path: relaySocket });
  socket.write(writeMessage(kind, request));
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => fail("ETIMEDOUT"));
  // There is no relay in the sandbox that code is tried in.
  socket.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "ENOENT") fail("EACCES", "code that is tried at its upload connects to nothing");
  });
  socket.on("close", () => fail("ECONNREFUSED", "the runner does not answer"));
  socket.on("data", (more: Buffer) => {
    bytes = Buffer.concat([bytes, more]);
    const message = readMessage(bytes);
    if (!message) return;
    socket.setTimeout(0);
    if (message.kind === answerKind) answer.resolve(message.body as T);
    else if (message.kind === KIND.failed) answer.reject(message.body);
  });
  return { answer: answer.promise, giveUp: () => socket.destroy() };
}
