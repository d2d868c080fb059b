// Tries what the fence of the whole process must hold, without the permission model that fences in threads: a function that broke out of
// its thread could do the same. The runner runs it once, at its start.
//
// argv: a folder that must be read-only, a port of 127.0.0.1 where the runner listens. Descriptor 3: JSON `FenceReport`, a line.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { SANDBOX_LIMITS } from "../limits.ts";

export interface FenceReport {
  /** What of the machine is in reach. */
  machine: string[];
  /** What of the process itself is not bounded. */
  process: string[];
}

const CHANNEL_FD = 3;
/** The first process of the namespace, and this one. */
const PROCESSES_MAX = 2;
const CONNECT_TIMEOUT_MS = 2_000;
const [codeFolder, port] = process.argv.slice(2) as [string, string];

const MACHINE: Record<string, () => boolean | Promise<boolean>> = {
  "reads files of the machine": () => ["/etc/shadow", "/var", "/home", "/root"].some(existsSync),
  "sees other processes": () => readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length > PROCESSES_MAX,
  "reaches the machine's network": connects,
};

const PROCESS: Record<string, () => boolean> = {
  "may gain privileges": () => statusOf("NoNewPrivs") !== "1",
  "has capabilities": () => !/^0+$/.test(statusOf("CapEff")),
  "calls the kernel without a filter": () => statusOf("Seccomp") !== "2",
  "starts processes": () => spawnSync(process.execPath, ["--version"]).error === undefined,
  "writes into its code": () => writes(codeFolder),
  "writes into its root": () => writes("/"),
  "writes without a bound": () => {
    const { blocks, bsize } = statfsSync("/tmp");
    return blocks * bsize > SANDBOX_LIMITS.memoryFilesBytesMax || writes("/dev/shm");
  },
};

function statusOf(field: string): string {
  return new RegExp(`^${field}:\\s*(\\S+)`, "m").exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "";
}

function writes(folder: string): boolean {
  try {
    writeFileSync(`${folder}/fence`, "");
    return true;
  } catch {
    return false;
  }
}

function connects(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port: Number(port), timeout: CONNECT_TIMEOUT_MS });
    const settle = (isConnected: boolean) => {
      socket.destroy();
      resolve(isConnected);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
    socket.once("timeout", () => settle(false));
  });
}

async function broken(attempts: Record<string, () => boolean | Promise<boolean>>): Promise<string[]> {
  const names: string[] = [];
  for (const [name, attempt] of Object.entries(attempts)) if (await attempt()) names.push(name);
  return names;
}

const report: FenceReport = { machine: await broken(MACHINE), process: await broken(PROCESS) };
writeSync(CHANNEL_FD, `${JSON.stringify(report)}\n`);
// Until the runner has looked at it from outside.
setInterval(() => {}, CONNECT_TIMEOUT_MS);
