/** Processes as the kernel shows them under /proc: who descends from whom, and what strangers can read of them. */
import { readdirSync, readFileSync } from "node:fs";

export type ProcessEntry = {
  readonly pid: number;
  readonly parent: number;
  readonly commandLine: string;
};

export function allProcesses(): ProcessEntry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readProc(Number(name), "stat");
      // The second field is the name in parentheses and may hold anything; the state and the parent follow it.
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (parent === undefined || state === "Z") return [];
      const commandLine = readProc(Number(name), "cmdline").replaceAll("\0", " ").trim();
      return [{ pid: Number(name), parent: Number(parent), commandLine }];
    });
}

/** Children, their children and so on, of all the given processes; without these themselves. */
export function descendantsOf(pids: readonly number[]): ProcessEntry[] {
  const everyone = allProcesses();
  const found: ProcessEntry[] = [];
  let generation = new Set(pids);
  while (generation.size > 0) {
    const children = everyone.filter(({ parent }) => generation.has(parent));
    found.push(...children);
    generation = new Set(children.map(({ pid }) => pid));
  }
  return found;
}

/** Empty when the process is gone or keeps the file to itself. */
export function readProc(pid: number, file: "stat" | "cmdline" | "environ"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
