import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { SANDBOX_LIMITS } from "../limits.ts";
import type { RuntimeFolder } from "./runtime-folder.ts";
import type { Tier } from "./tier.ts";

/** Where a sandbox may read and write. */
export interface SandboxFolders {
  code: string;
  temporary: string;
}

export interface Launch {
  /** A program of the runtime folder. */
  program: "main.mjs" | "build.mjs";
  args: string[];
  folders: SandboxFolders;
  /** Socketpairs from descriptor 3 on. */
  channels: number;
  uid: number | undefined;
}

/** Starts the processes that run what users wrote. A better fence is another launcher. */
export interface Launcher {
  readonly tier: Tier;
  /** Why it is no better tier; empty when it is the best. */
  readonly shortfall: string;
  /** Whether each process gets a user of its own. */
  readonly ownUsers: boolean;
  /** For the build program. */
  readonly esbuildPath: string;
  launch(launch: Launch): ChildProcess;
}

const NODE_FLAGS = ["--disable-proto=delete", "--no-addons", "--disable-sigusr1", "--no-warnings"];
const TOOL_FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/**
 * The launcher for this machine: the tools of util-linux and coreutils are used where they exist. `ownUsers` needs root, and a user
 * namespace in which the users of sandboxes exist.
 */
export function createLauncher(runtime: RuntimeFolder, ownUsers: boolean): Launcher {
  const tools = { setpriv: findTool("setpriv"), prlimit: findTool("prlimit"), nice: findTool("nice") };
  const missing = Object.entries(tools).flatMap(([name, path]) => (path ? [] : [name]));
  const wrappers = [
    // Whatever happens to the supervisor, the kernel ends the sandbox with it.
    ...(tools.setpriv ? [tools.setpriv, "--no-new-privs", "--pdeathsig", "KILL"] : []),
    ...(tools.prlimit ? [tools.prlimit, ...resourceLimits(ownUsers)] : []),
    ...(tools.nice ? [tools.nice, "-n", String(SANDBOX_LIMITS.nice)] : []),
  ];
  const shortfall = ownUsers
    ? missing.map((name) => `${name} is not installed`)
    : ["sandboxes have no users of their own"];
  return {
    tier: shortfall.length === 0 ? "reduced" : "development",
    shortfall: shortfall.join(", ") || "sandboxes share the machine's namespaces",
    ownUsers,
    esbuildPath: runtime.esbuildPath,
    launch({ program, args, folders, channels, uid }) {
      const [file, ...rest] = [...wrappers, runtime.nodePath, ...NODE_FLAGS, join(runtime.folder, program), ...args];
      return spawn(file!, rest, {
        env: {},
        cwd: folders.code,
        // A session of its own: a Ctrl-C in the terminal is the supervisor's to handle.
        detached: true,
        stdio: ["ignore", "ignore", "pipe", ...Array<"pipe">(channels).fill("pipe")],
        ...(uid !== undefined && { uid, gid: uid }),
      });
    },
  };
}

function resourceLimits(ownUsers: boolean): string[] {
  return [
    `--data=${SANDBOX_LIMITS.dataBytesMax}`,
    `--nofile=${SANDBOX_LIMITS.openFilesMax}`,
    `--fsize=${SANDBOX_LIMITS.fileBytesMax}`,
    "--core=0",
    // Counted by user, so it means something only where the user is the sandbox's own.
    ...(ownUsers ? [`--nproc=${SANDBOX_LIMITS.threadsMax}`] : []),
  ];
}

function findTool(name: string): string | undefined {
  return TOOL_FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
