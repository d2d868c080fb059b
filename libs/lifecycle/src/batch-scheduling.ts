import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const TIMEOUT_MS = 5_000;

/**
 * Has Linux schedule this process, and what it starts from now on, as batch work: woken, it waits until whoever runs has come to an end
 * or used up its slice. A process of the request path is woken for each message otherwise, in the middle of the writing of the next, and all of
 * them do in small pieces what they could do in few (docs/adr/0016). Answers false where that cannot be had: nothing but speed is lost.
 */
export async function scheduleAsBatch(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const change = run("chrt", ["--all-tasks", "--batch", "--pid", "0", String(process.pid)], { timeout: TIMEOUT_MS });
  return change.then(
    () => true,
    () => false,
  );
}
