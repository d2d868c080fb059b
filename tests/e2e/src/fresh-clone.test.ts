/** `npm start` as a newcomer types it, in a fresh clone: the printed line works, Ctrl-C leaves nothing, data survive, the second start is fast. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { enginesFolder, type PlatformFile, repositoryRoot } from "@millrace/local";
import { until } from "@millrace/testing";
import { allProcesses, descendantsOf, type ProcessEntry } from "./support/processes.ts";

const READY_MS_MAX = 180_000;
const READY_AGAIN_MS_MAX = 10_000;
const STOP_MS_MAX = 45_000;

const folder = mkdtempSync(join(tmpdir(), "millrace-start-"));
const clone = join(folder, "millrace");
let running: Started | undefined;

after(async () => {
  running?.signal("SIGKILL");
  await until(() => left().length === 0, { timeoutMs: STOP_MS_MAX }).catch(() => {});
  for (const { pid } of left()) process.kill(pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** A clone of what is committed. What a first start fetches is linked from this checkout, so that nothing is fetched twice. */
function makeClone(): void {
  // Engines and sandboxes run under uids of their own, which must be able to enter.
  chmodSync(folder, 0o755);
  execFileSync("git", ["clone", "--quiet", repositoryRoot, clone], {
    env: { ...process.env, GIT_CONFIG_NOSYSTEM: "1" },
  });
  linkTree(join(repositoryRoot, "node_modules"), join(clone, "node_modules"));
  mkdirSync(join(clone, ".millrace"));
  if (existsSync(enginesFolder())) linkTree(enginesFolder(), join(clone, ".millrace/engines"));
}

function linkTree(from: string, to: string): void {
  try {
    execFileSync("cp", ["-al", from, to], { stdio: "ignore" });
  } catch {
    rmSync(to, { recursive: true, force: true });
    execFileSync("cp", ["-a", from, to]);
  }
}

class Started {
  readonly startedAt = performance.now();
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #printed = "";

  constructor() {
    const own = (process.env.PATH ?? "").split(delimiter).filter((entry) => !entry.startsWith(repositoryRoot));
    this.#child = spawn("npm", ["start"], {
      cwd: clone,
      env: { PATH: own.join(delimiter), HOME: process.env.HOME, TMPDIR: process.env.TMPDIR },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, as a terminal gives it; Ctrl-C reaches all of it.
      detached: true,
    });
    this.exited = new Promise((settle) => this.#child.once("exit", settle));
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on("data", (chunk: Buffer) => {
        this.#printed += chunk.toString();
      });
    }
  }

  get printed(): string {
    return this.#printed;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Answers how long it took. */
  async ready(timeoutMs: number): Promise<number> {
    await until(
      () => {
        assert.equal(this.#child.exitCode, null, this.#printed);
        return existsSync(join(clone, ".millrace/platform.json")) && this.curlLine !== undefined;
      },
      { timeoutMs, message: () => `platform.json and a line to try; it printed:\n${this.#printed}` },
    );
    return performance.now() - this.startedAt;
  }

  get curlLine(): string | undefined {
    return this.#printed.split("\n").find((line) => line.startsWith("curl "));
  }

  signal(name: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Whatever runs in the clone, or from it. */
function left(): ProcessEntry[] {
  return allProcesses().filter(({ pid, commandLine }) => commandLine.includes(clone) || cwdOf(pid).startsWith(clone));
}

function cwdOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

const platformFile = (): PlatformFile =>
  JSON.parse(readFileSync(join(clone, ".millrace/platform.json"), "utf8")) as PlatformFile;

async function tryPrintedLine(started: Started): Promise<void> {
  const { stdout } = await promisify(execFile)("sh", [
    "-c",
    `${started.curlLine} --silent --show-error --write-out '\n%{http_code}'`,
  ]);
  const [body, status] = stdout.split(/\n(?=\d+$)/);
  assert.equal(status, "200", stdout);
  assert.ok("id" in (JSON.parse(body!) as object), stdout);
  const verbatim = await promisify(execFile)("sh", ["-c", started.curlLine!]);
  assert.equal(verbatim.stdout.trim(), body!.trim());
}

async function assertNothingLeft(): Promise<void> {
  await until(() => left().length === 0, {
    timeoutMs: 10_000,
    message: () =>
      `nothing to be left; there is\n${left()
        .map(({ pid, commandLine }) => `${pid} ${commandLine}`)
        .join("\n")}`,
  });
  assert.ok(!existsSync(join(clone, ".millrace/platform.json")), "platform.json says that it runs");
}

test("npm start in a fresh clone ends in a line that works as it stands", async (t) => {
  makeClone();
  running = new Started();
  const tookMs = await running.ready(READY_MS_MAX);
  t.diagnostic(`ready after ${(tookMs / 1_000).toFixed(1)} s`);
  await tryPrintedLine(running);
  const file = platformFile();
  for (const member of ["gatewayUrl", "consoleUrl", "controlPlaneAddress", "authAddress", "adminToken", "natsUrl"]) {
    assert.equal(typeof file[member as keyof PlatformFile], "string", member);
  }
  assert.ok(running.printed.includes(file.consoleUrl), "the console's URL is printed");
  assert.match(running.printed, /operator@\S+ +\S+/, "the first login is printed");
  assert.equal((await fetch(file.consoleUrl)).status, 200);
});

test("a service that crashes is started again, and this is said", async () => {
  const [gateway] = descendantsOf([running!.pid]).filter(({ commandLine }) => /services\/gateway/.test(commandLine));
  assert.ok(gateway !== undefined, "the gateway is a process");
  process.kill(gateway.pid, "SIGKILL");
  await until(() => /gateway-1 is back/.test(running!.printed), { timeoutMs: 30_000, message: () => running!.printed });
  assert.match(running!.printed, /gateway-1 ended \(SIGKILL\)/);
  await until(() => tryPrintedLine(running!).then(() => true), { timeoutMs: 10_000 });
});

test("Ctrl-C stops everything", async (t) => {
  const startedAt = performance.now();
  running!.signal("SIGINT");
  await until(() => left().length === 0, { timeoutMs: STOP_MS_MAX, message: () => running!.printed });
  await running!.exited;
  t.diagnostic(`stopped after ${(performance.now() - startedAt).toFixed(0)} ms`);
  await assertNothingLeft();
});

test("the second start is ready in under 10 s, and what was deployed is still there", async (t) => {
  running = new Started();
  const tookMs = await running.ready(READY_MS_MAX);
  t.diagnostic(`ready again after ${(tookMs / 1_000).toFixed(1)} s`);
  assert.ok(tookMs < READY_AGAIN_MS_MAX, `${tookMs} ms\n${running.printed}`);
  assert.doesNotMatch(running.printed, /deploying/);
  await tryPrintedLine(running);
});

test("kill -9 of what was started leaves no process either", async () => {
  running!.signal("SIGKILL");
  await until(() => left().length === 0, {
    timeoutMs: STOP_MS_MAX,
    message: () =>
      left()
        .map((p) => p.commandLine)
        .join("\n"),
  });
});
