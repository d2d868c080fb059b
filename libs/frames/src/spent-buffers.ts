import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// Bodies travel in large buffers, each used once. V8 counts them outside its heap: it lets up to 64 MiB of them lie before it looks for those
// that nobody holds, and marks the whole heap for it, at 10 ms and more a time; no option lowers that. Collecting the young alone finds
// them in less than a millisecond. So whoever handles bodies has it done every few MiB. What is short does not count, which small calls are unless many
// come at once.

const LARGE_BYTES = 16 * 1024;
/**
 * Each byte that is counted stands for two or three, since it was copied on its way. Were this less, what is under way would be there twice when
 * the young are collected, and be taken for old.
 */
const COLLECT_AFTER_BYTES = 4 * 1024 * 1024;

/** `last-resort` also finds what V8 keeps in case it is of use again, and gives pages back. */
export type Collect = (options: { type: "minor" } | { type: "major"; flavor: "last-resort" }) => void;

let countedBytes = 0;
let collect: Collect | undefined;

/** Counts bytes that were received or are being sent: what they were in will soon be held by nobody. */
export function countSpent(bytes: number): void {
  if (bytes < LARGE_BYTES) return;
  countedBytes += bytes;
  if (countedBytes < COLLECT_AFTER_BYTES) return;
  countedBytes = 0;
  collect ??= findCollect();
  collect({ type: "minor" });
}

/** V8's own collection of garbage. The function is given to contexts that are made while the flag is set, and to nobody else. */
export function findCollect(): Collect {
  setFlagsFromString("--expose-gc");
  const found: Collect | undefined = runInNewContext("globalThis.gc");
  setFlagsFromString("--no-expose-gc");
  return found ?? (() => {});
}
