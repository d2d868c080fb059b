import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { choosePorts } from "@millrace/local";
import { type EngineProgram, natsProcess } from "@millrace/local/engines";
import { outputOfProgram, type RunningProgram, startProgram } from "../system/programs.ts";
import type { StartTarget, Target } from "./target.ts";

const PEERS = new URL("../../peers/", import.meta.url).pathname;

const INSTALL_TIMEOUT_MS = 240_000;

/** The peers are no dependencies of the project: they are installed when the benchmark first runs, as their lock file says. */
export async function installPeers(print: (line: string) => void, signal: AbortSignal): Promise<void> {
  if (existsSync(join(PEERS, "node_modules"))) return;
  print("installing the peers");
  await outputOfProgram("npm", ["install", "--no-save", "--prefix", PEERS], {}, INSTALL_TIMEOUT_MS, signal);
}

/** The peers, each a hello. `nats` is the server that moleculer and the naive pipe talk over. */
export function peerTargets(nats: EngineProgram): Record<string, StartTarget> {
  return {
    "bare-http": () => single((port) => [process.execPath, join(PEERS, "bare-http/server.mjs"), String(port)]),
    "naive-pipe": () => pair(nats, "naive-pipe/gateway.mjs", "naive-pipe/runner.mjs", "/hello"),
    moleculer: () => pair(nats, "moleculer/gateway.mjs", "moleculer/service.mjs", "/hello"),
    "functions-framework": () => single(functionsFramework),
    workerd: () => single(workerd),
  };
}

function functionsFramework(port: number): string[] {
  const main = join(PEERS, "node_modules/@google-cloud/functions-framework/build/src/main.js");
  return [process.execPath, main, `--source=${join(PEERS, "functions-framework")}`, "--target=hello", `--port=${port}`];
}

function workerd(port: number): string[] {
  const arch = process.arch === "arm64" ? "arm64" : "64";
  const binary = join(PEERS, `node_modules/@cloudflare/workerd-linux-${arch}/bin/workerd`);
  return [binary, "serve", join(PEERS, "workerd/config.capnp"), `--socket-addr=http=127.0.0.1:${port}`];
}

async function single(argv: (port: number) => string[]): Promise<Target> {
  const { http } = await choosePorts(["http"], {});
  const url = `http://127.0.0.1:${http}/`;
  const program = await startProgram(argv(http!), {}, url);
  return { url, processes: () => ({ gateway: [program.pid] }), stop: program.stop };
}

/** A gateway and a worker that talk over a NATS server of their own. */
async function pair(nats: EngineProgram, gateway: string, worker: string, path: string): Promise<Target> {
  const { http, bus, monitor } = await choosePorts(["http", "bus", "monitor"], {});
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  const spec = natsProcess({
    name: "nats",
    program: nats,
    folder,
    port: bus!,
    monitorPort: monitor!,
    user: undefined,
    users: [],
    logFile: join(folder, "nats.log"),
  });
  const started: RunningProgram[] = [];
  const stop = async () => {
    for (const program of started.toReversed()) await program.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const environment = { NATS_URL: `nats://127.0.0.1:${bus}` };
  const url = `http://127.0.0.1:${http}${path}`;
  try {
    started.push(await startProgram([...spec.argv()], { ...spec.env }, `http://127.0.0.1:${monitor}/healthz`));
    started.push(await startProgram([process.execPath, join(PEERS, worker)], environment));
    started.push(await startProgram([process.execPath, join(PEERS, gateway), String(http)], environment, url));
    const [server, runner, front] = started.map(({ pid }) => [pid]);
    return { url, processes: () => ({ gateway: front!, nats: server!, runner: runner! }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
