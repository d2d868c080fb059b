import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { FRAME, type Frame, readHead, writeInvoke } from "@millrace/frames";
import type { FenceReport } from "../runtime/fence.ts";
import type { ProbeReport } from "../runtime/probe.ts";
import type { Launcher } from "./launcher.ts";
import { innermostOf, memoryOf, userOf } from "./process-usage.ts";
import { SANDBOX_FRAME } from "./sandbox-frames.ts";
import type { Cell, SandboxSupply } from "./sandbox-supply.ts";

const PROBE_TIMEOUT_MS = 10_000;

/** Tries what must not be possible, in sandboxes of their own. Throws when one does not start or does not hold what its tier promises. */
export async function probeSandbox(supply: SandboxSupply, runtimeFolder: string): Promise<void> {
  await probeThread(supply, runtimeFolder);
  await probeProcess(supply);
}

async function probeThread(supply: SandboxSupply, runtimeFolder: string): Promise<void> {
  const sandbox = supply.take();
  try {
    await sandbox.booted;
    cpSync(join(runtimeFolder, "probe"), sandbox.folders.code, { recursive: true });
    const { environment, broken } = await askProbe(sandbox, sandbox.inside.code);
    if (environment.length > 0) broken.push(`sees the environment (${environment.join(", ")})`);
    judge("a function", broken);
  } finally {
    sandbox.kill();
    await sandbox.exited;
  }
}

async function askProbe(sandbox: ReturnType<SandboxSupply["take"]>, folder: string): Promise<ProbeReport> {
  const answer = Promise.withResolvers<ProbeReport>();
  const timer = setTimeout(() => answer.reject(new Error("the sandbox's probe did not answer")), PROBE_TIMEOUT_MS);
  const onFrame = (frame: Frame) => {
    if (frame.type === SANDBOX_FRAME.loaded) writeInvoke(handle.channel.writer(), 1, PROBE_INVOKE, true);
    else if (frame.type === FRAME.head) answer.resolve(JSON.parse(String(readHead(frame)?.body)));
    else if (frame.type === SANDBOX_FRAME.loadFailed) answer.reject(new Error(String(frame.payload)));
  };
  const handle = sandbox.startInstance(
    {
      folder,
      handler: "",
      functionName: "probe",
      functionVersion: "1",
      memoryMib: 64,
      environment: {},
      hostLoopback: [],
    },
    { onFrame, onEnded: ({ cause, text }) => answer.reject(new Error(`the sandbox's probe ended: ${cause}: ${text}`)) },
  );
  return answer.promise.finally(() => clearTimeout(timer));
}

async function probeProcess(supply: SandboxSupply): Promise<void> {
  const honeypot = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(honeypot, "listening");
  const { launcher } = supply;
  const cell = supply.openCell();
  const { port } = honeypot.address() as AddressInfo;
  const { folders, uid } = cell;
  const args = [launcher.view.inside(folders).code, String(port)];
  const child = launcher.launch({ program: "fence", args, folders, channels: 1, uid });
  try {
    const report = await readReport(child);
    judge("a process", [...promised(report, launcher), ...seenFromOutside(innermostOf(child.pid!), launcher)]);
  } finally {
    await end(child, cell);
    honeypot.close();
  }
}

async function readReport(child: ChildProcess): Promise<FenceReport> {
  const answer = Promise.withResolvers<FenceReport>();
  const timer = setTimeout(() => answer.reject(new Error("the fence's probe did not answer")), PROBE_TIMEOUT_MS);
  let lastWords = "";
  child.stderr?.on("data", (text: Buffer) => (lastWords = (lastWords + text.toString("latin1")).slice(-2048)));
  createInterface(child.stdio[3] as Readable).once("line", (line) => answer.resolve(JSON.parse(line)));
  child.once("error", answer.reject);
  child.once("close", (code, signal) =>
    answer.reject(new Error(`the fence's probe ended (${signal ?? code}): ${lastWords}`)),
  );
  return answer.promise.finally(() => clearTimeout(timer));
}

/** Lower tiers promise nothing of the machine, and of the process only what its user may not do. */
function promised({ machine, process: own }: FenceReport, { tier }: Launcher): string[] {
  if (tier === "full") return [...machine, ...own];
  return tier === "reduced" ? own.filter((what) => PROMISED_REDUCED.has(what)) : [];
}

const PROMISED_REDUCED = new Set([
  "may gain privileges",
  "has capabilities",
  "writes into its code",
  "writes into its root",
]);

function seenFromOutside(pid: number, { ownUsers }: Launcher): string[] {
  const broken: string[] = [];
  if (ownUsers && userOf(pid) === process.getuid?.()) broken.push("runs as the runner's user");
  if (process.platform === "linux" && memoryOf(pid) === 0) broken.push("hides its memory");
  return broken;
}

async function end(child: ChildProcess, cell: Cell): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await cell.remove();
}

function judge(who: string, broken: string[]): void {
  if (broken.length > 0) throw new Error(`the sandbox does not hold: ${who} ${broken.join(", ")}`);
}

const PROBE_INVOKE = {
  remainingMs: PROBE_TIMEOUT_MS,
  depth: 0,
  attempt: 1,
  requestId: "probe",
  traceparent: "",
  functionKey: "probe@1",
  route: JSON.stringify({ hostLabel: "probe" }),
  method: "GET",
  target: "/",
  pathParameters: [],
  sourceIp: "",
  protocol: "",
  scheme: "http",
  identity: { keyId: "", accountId: "", authType: "" },
  headers: [],
  body: new Uint8Array(),
};
