import { closeSync, readdirSync, readFileSync } from "node:fs";

const STANDARD_FD_MAX = 2;
/** O_CLOEXEC, as /proc shows it: octal. */
const CLOSED_ON_EXEC = 0o2000000;

/**
 * Closes what whoever started the runner left open in it: it would be open in every sandbox too. Node marks
 * its own descriptors, and inherited ones up to the first gap, as closed on exec.
 */
export function closeInherited(): void {
  if (process.platform !== "linux") return;
  for (const fd of readdirSync("/proc/self/fd").map(Number)) {
    if (fd > STANDARD_FD_MAX && isPassedOn(fd)) closeSync(fd);
  }
}

function isPassedOn(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? "";
    return (Number.parseInt(flags, 8) & CLOSED_ON_EXEC) === 0;
  } catch {
    // The one that read the folder is gone.
    return false;
  }
}
