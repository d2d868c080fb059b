import { cpSync } from "node:fs";
import { join } from "node:path";
import { FRAME, type Frame, readHead, writeInvoke } from "@millrace/frames";
import type { ProbeReport } from "../runtime/probe.ts";
import { SANDBOX_FRAME } from "./sandbox-frames.ts";
import type { SandboxSupply } from "./sandbox-supply.ts";

const PROBE_TIMEOUT_MS = 10_000;

/** Runs the hostile probe in a sandbox of its own. Throws when the sandbox does not start or a fence does not hold. */
export async function probeSandbox(supply: SandboxSupply, runtimeFolder: string): Promise<void> {
  const sandbox = supply.take();
  try {
    await sandbox.booted;
    cpSync(join(runtimeFolder, "probe"), sandbox.folders.code, { recursive: true });
    judge(await askProbe(sandbox, sandbox.folders.code), supply.launcher.ownUsers);
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
    { folder, handler: "", functionName: "probe", functionVersion: "1", memoryMib: 64, environment: {} },
    { onFrame, onEnded: ({ cause, text }) => answer.reject(new Error(`the sandbox's probe ended: ${cause}: ${text}`)) },
  );
  return answer.promise.finally(() => clearTimeout(timer));
}

function judge({ uid, environment, broken }: ProbeReport, ownUsers: boolean): void {
  if (ownUsers && uid === process.getuid?.()) broken.push("runs as the runner's user");
  if (environment.length > 0) broken.push(`sees the environment (${environment.join(", ")})`);
  if (broken.length > 0) throw new Error(`the sandbox does not hold: a function ${broken.join(", ")}`);
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
