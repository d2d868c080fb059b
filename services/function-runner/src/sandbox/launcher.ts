import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { SANDBOX_LIMITS } from "../limits.ts";
import { type Bubblewrap, bubblewrapView } from "./bubblewrap.ts";
import { outgrowsDisk } from "./process-usage.ts";
import type { RuntimeFolder } from "./runtime-folder.ts";
import type { Tier } from "./tier.ts";
import { findTool } from "./tools.ts";

/** What the supervisor shares with a sandbox. */
export interface SandboxFolders {
  /** The sandbox's to read. */
  code: string;
  /** The sandbox's to write, where it has no file system of its own. */
  temporary: string;
  /** Holds the supervisor's socket for egress, where the sandbox has a network of its own. */
  egress: string;
}

/** The same as the sandbox finds them; no egress where it uses the machine's network. */
export type InsideFolders = Omit<SandboxFolders, "egress"> & { egress: string | undefined };

/** `fence` tries what the fence of a process must hold; the others do the work. */
export type SandboxProgram = "main" | "build" | "fence";

export interface Launch {
  program: SandboxProgram;
  /** Paths among them as the sandbox sees them. */
  args: string[];
  folders: SandboxFolders;
  /** Socketpairs from descriptor 3 on. */
  channels: number;
  uid: number | undefined;
}

/** What a sandbox sees of the machine. */
export interface View {
  inside(folders: SandboxFolders): InsideFolders;
  /** The runtime folder. */
  readonly programs: string;
  /** The filter of system calls for a program, which is inherited behind the channels. */
  filterOf(program: SandboxProgram): string | undefined;
  /** The command that runs Node in this view. */
  node(launch: Launch): string[];
  /** Of the first command; Node gets none of it. */
  readonly environment: Record<string, string>;
  /** Whether a sandbox keeps more files than it may. */
  outgrows(pid: number, folders: SandboxFolders): boolean;
}

/** Starts the processes that run what users wrote. A better fence is another launcher. */
export interface Launcher {
  readonly tier: Tier;
  /** Why it is no better tier; empty when it is the best. */
  readonly shortfall: string;
  /** Whether each process gets a user of its own. */
  readonly ownUsers: boolean;
  readonly view: View;
  launch(launch: Launch): ChildProcess;
}

export interface Fences {
  /** Needs root, and a user namespace in which the users of sandboxes exist. */
  ownUsers: boolean;
  /** For namespaces and a filter of system calls. */
  bubblewrap: Bubblewrap | undefined;
}

const NODE_FLAGS = ["--disable-proto=delete", "--no-addons", "--disable-sigusr1", "--no-warnings"];

/** The launcher for this machine: the tools of util-linux and coreutils are used where they exist. */
export function createLauncher(runtime: RuntimeFolder, { ownUsers, bubblewrap }: Fences): Launcher {
  const tools = { setpriv: findTool("setpriv"), prlimit: findTool("prlimit"), nice: findTool("nice") };
  const missing = Object.entries(tools).flatMap(([name, path]) => (path ? [] : [`${name} is not installed`]));
  const wrappers = [
    // Whatever happens to the supervisor, the kernel ends the sandbox with it.
    ...(tools.setpriv ? [tools.setpriv, "--no-new-privs", "--pdeathsig", "KILL"] : []),
    ...(tools.prlimit ? [tools.prlimit, ...resourceLimits(ownUsers)] : []),
    ...(tools.nice ? [tools.nice, "-n", String(SANDBOX_LIMITS.nice)] : []),
  ];
  const view = bubblewrap ? bubblewrapView(runtime, bubblewrap) : machineView(runtime);
  return {
    ...judge(missing, { ownUsers, bubblewrap }),
    ownUsers,
    view,
    launch(launch) {
      const { program, args, folders, channels, uid } = launch;
      const node = [...view.node(launch), ...NODE_FLAGS, join(view.programs, `${program}.mjs`)];
      const [file, ...rest] = [...wrappers, ...node, ...args];
      const filter = view.filterOf(program);
      const filterFd = filter === undefined ? [] : [openSync(filter, "r")];
      try {
        const child = spawn(file!, rest, {
          env: view.environment,
          cwd: folders.code,
          // A session of its own: a Ctrl-C in the terminal is the supervisor's to handle.
          detached: true,
          stdio: ["ignore", "ignore", "pipe", ...Array<"pipe">(channels).fill("pipe"), ...filterFd],
          ...(uid !== undefined && { uid, gid: uid }),
        });
        return started(child);
      } finally {
        for (const fd of filterFd) closeSync(fd);
      }
    },
  };
}

/** When descriptors or processes are used up there is no process, its streams are missing, and what went wrong is told later. */
function started(child: ChildProcess): ChildProcess {
  if (child.pid !== undefined) return child;
  child.once("error", () => {});
  throw new Error("the process of a sandbox cannot be started");
}

/** What a launcher with these fences promises; whether they hold is for a probe to say. */
function judge(missing: string[], { ownUsers, bubblewrap }: Fences): Pick<Launcher, "tier" | "shortfall"> {
  if (missing.length > 0) return { tier: "development", shortfall: missing.join(", ") };
  if (bubblewrap) return { tier: "full", shortfall: "" };
  if (!ownUsers) return { tier: "development", shortfall: "sandboxes have no users of their own" };
  return { tier: "reduced", shortfall: "sandboxes share the machine's namespaces" };
}

function machineView(runtime: RuntimeFolder): View {
  return {
    inside: (folders) => ({ ...folders, egress: undefined }),
    programs: runtime.folder,
    filterOf: () => undefined,
    node: () => [runtime.nodePath],
    environment: {},
    outgrows: (pid, { temporary }) => outgrowsDisk(pid, temporary),
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
