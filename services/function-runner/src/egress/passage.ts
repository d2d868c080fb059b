import type { Socket } from "node:net";
import { countSpent } from "@millrace/frames";
import { EGRESS_LIMITS } from "../limits.ts";
import { chunkHeader } from "./wire.ts";

export interface Passage {
  bytesOut: number;
  bytesIn: number;
  outcome: "closed" | "broken" | "cut";
}

export interface PassageListener {
  /** Bytes that passed, one way or the other; false when they were too many. */
  onBytes(bytes: number): boolean;
  onOver(passage: Passage): void;
}

/** Lets bytes pass between a sandbox and the other side of its connection, each as fast as the slower one reads. */
export function letPass(sandbox: Socket, remote: Socket, first: Buffer, listener: PassageListener): void {
  const passage: Passage = { bytesOut: 0, bytesIn: 0, outcome: "closed" };
  let over = false;
  const end = (outcome: Passage["outcome"]) => {
    if (over) return;
    over = true;
    passage.outcome = outcome;
    if (outcome !== "closed") for (const socket of [sandbox, remote]) socket.destroy();
    listener.onOver(passage);
  };
  const count = (way: "bytesOut" | "bytesIn", bytes: number) => {
    countSpent(bytes);
    passage[way] += bytes;
    if (passage.bytesOut + passage.bytesIn <= EGRESS_LIMITS.connectionBytesMax && listener.onBytes(bytes)) return true;
    end("cut");
    return false;
  };
  const pass = (bytes: Buffer) => {
    if (bytes.length > 0 && count("bytesOut", bytes.length) && !remote.write(bytes)) sandbox.pause();
  };
  const closed = (socket: Socket, other: Socket) => {
    if (socket.readableEnded && !socket.errored) {
      if (other.closed) end("closed");
    } else end("broken");
  };

  pass(first);
  sandbox.on("data", pass);
  remote.on("drain", () => sandbox.resume());
  sandbox.on("end", () => {
    remote.end();
    remote.setTimeout(EGRESS_LIMITS.halfOpenTimeoutMs);
  });
  remote.on("data", (bytes: Buffer) => {
    if (!count("bytesIn", bytes.length)) return;
    sandbox.cork();
    sandbox.write(chunkHeader(bytes.length));
    if (!sandbox.write(bytes)) remote.pause();
    sandbox.uncork();
  });
  sandbox.on("drain", () => remote.resume());
  remote.on("end", () => sandbox.end(chunkHeader(0)));
  for (const [socket, other] of [
    [sandbox, remote],
    [remote, sandbox],
  ] as const) {
    socket.on("error", () => end("broken"));
    socket.on("close", () => closed(socket, other));
  }
  remote.setTimeout(EGRESS_LIMITS.idleTimeoutMs, () => end("cut"));
  sandbox.resume();
}
