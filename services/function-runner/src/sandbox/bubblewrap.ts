import { join } from "node:path";
import { SANDBOX_LIMITS } from "../limits.ts";
import type { SandboxProgram, View } from "./launcher.ts";
import { outgrowsMemoryFiles } from "./process-usage.ts";
import { ETC_FOLDER, FILTER_FILES, NODE_INSIDE, type RuntimeFolder } from "./runtime-folder.ts";
import { findTool } from "./tools.ts";

// The view of a sandbox in namespaces of its own: a root that holds Node, the runtime, its own code and nothing else of the machine; a
// network with nothing but itself in it; no other process; no capability; and a filter before every system call.

export interface Bubblewrap {
  /** The program `bwrap`, 0.8 or newer. */
  path: string;
  /** Where the loader finds its libraries, when they are not the machine's. */
  libraries: string | undefined;
}

export function findBubblewrap(): Bubblewrap | undefined {
  const path = findTool("bwrap");
  return path === undefined ? undefined : { path, libraries: undefined };
}

/** Every sandbox sees itself as this user; outside it is another one. */
const USER = "1000";
const PROGRAMS = "/millrace";

const INSIDE = { code: "/code", temporary: "/tmp", egress: "/egress" };

const TEMPORARY_BYTES: Record<SandboxProgram, number> = {
  main: SANDBOX_LIMITS.memoryFilesBytesMax,
  build: SANDBOX_LIMITS.buildFilesBytesMax,
  fence: SANDBOX_LIMITS.memoryFilesBytesMax,
};

export function bubblewrapView(runtime: RuntimeFolder, { path, libraries }: Bubblewrap): View {
  const machine = [
    ["--unshare-all", "--die-with-parent", "--clearenv", "--cap-drop", "ALL"],
    ["--uid", USER, "--gid", USER, "--hostname", "function"],
    ...runtime.libraries.map(({ from, to }) => ["--ro-bind", from, to]),
    ["--ro-bind", runtime.nodePath, NODE_INSIDE],
    ["--ro-bind", runtime.folder, PROGRAMS],
    ["--ro-bind", join(runtime.folder, ETC_FOLDER), "/etc"],
    ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"],
  ].flat();
  return {
    inside: () => INSIDE,
    outgrows: (pid) => outgrowsMemoryFiles(pid, INSIDE.temporary),
    programs: PROGRAMS,
    filterOf: (program) => join(runtime.folder, program === "build" ? FILTER_FILES.builds : FILTER_FILES.functions),
    environment: libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries },
    node: ({ program, folders, channels }) => [
      path,
      ...machine,
      ...["--ro-bind", folders.code, INSIDE.code, "--ro-bind", folders.egress, INSIDE.egress],
      ...["--size", String(TEMPORARY_BYTES[program]), "--tmpfs", INSIDE.temporary],
      ...["--remount-ro", "/", "--chdir", INSIDE.code, "--seccomp", String(3 + channels), "--", NODE_INSIDE],
    ],
  };
}
