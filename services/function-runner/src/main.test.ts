import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connectBus, digestOf, ensureBus, KEYS, openBucket, openObjects, packRecord, SUBJECTS } from "@millrace/bus";
import {
  Batcher,
  FRAME,
  type Frame,
  type Invoke,
  readBatchHeader,
  readFailed,
  readFrames,
  readHead,
  readRejected,
  writeInvoke,
} from "@millrace/frames";
import { Beat, BuildRequest, BuildResponse, LogBatch } from "@millrace/proto/invocation/v1/invocation";
import { AliasRecord, FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { sealToKey } from "@millrace/sealing";
import { freePort, testNats, until } from "@millrace/testing";
import type { Owner } from "./runner-fixture.ts";

// The service as a process on a real NATS, with a test in the place of control-plane and of a gateway.

const SILENT = { info() {}, warn() {} };
const IDENTITIES = {
  runner: { service: "function-runner", id: "runner-1" },
  gateway: { service: "gateway", id: "gateway-1" },
  controlPlane: { service: "control-plane", id: "control-plane-1" },
} as const;

async function startPlatform(owner: Owner, overrides: Record<string, string> = {}) {
  const nats = await testNats(owner, { identities: Object.values(IDENTITIES) });
  const keys = generateKeyPairSync("x25519");
  const privateKey = keys.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const publicKey = keys.publicKey.export({ type: "spki", format: "pem" }) as string;
  const folder = mkdtempSync(join(tmpdir(), "millrace-runner-main-"));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "cache"));
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const connect = (identity: (typeof IDENTITIES)[keyof typeof IDENTITIES]) =>
    connectBus({ url: nats.url, seed: nats.seedOf(identity), identity }, SILENT);
  const control = await connect(IDENTITIES.controlPlane);
  const gateway = await connect(IDENTITIES.gateway);
  // May listen to everything, as the server itself does.
  const watcher = await connectBus({ url: nats.url, seed: nats.seed, identity: IDENTITIES.gateway }, SILENT);
  const operations = `127.0.0.1:${await freePort()}`;
  const environment = {
    MILLRACE_LOG_LEVEL: "debug",
    MILLRACE_OPERATIONS_ADDRESS: operations,
    MILLRACE_RUNNER_ID: IDENTITIES.runner.id,
    MILLRACE_RUNNER_CACHE_DIRECTORY: join(folder, "cache"),
    MILLRACE_RUNNER_PRIVATE_KEY_FILE: file("runner.pem", privateKey),
    MILLRACE_RUNNER_MINIMUM_TIER: "development",
    MILLRACE_NATS_URL: nats.url,
    MILLRACE_NATS_SEED_FILE: file("nats.seed", nats.seedOf(IDENTITIES.runner)),
    MILLRACE_DRAIN_TIMEOUT: "5s",
    ...overrides,
  };
  let output = "";
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], { env: environment });
  // Listened for from the start: an exit that nobody has asked for yet is not told again.
  const exited = once(child, "exit").then(([code]) => code as number | null);
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
  owner.after(async () => {
    child.kill("SIGKILL");
    await control.close();
    await gateway.close();
    await watcher.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const readyz = () => fetch(`http://${operations}/readyz`, { signal: AbortSignal.timeout(5_000) });
  /** The result, or an error that shows what the runner printed: nothing here is waited for without a deadline. */
  const within = async <T>(what: string, work: Promise<T>, timeoutMs = 15_000): Promise<T> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`not within ${timeoutMs} ms: ${what}\n${output}`)), timeoutMs);
    // A test that is over waits for nothing.
    timer.unref();
    return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
  };
  return {
    ...{ child, control, gateway, watcher, publicKey, privateKey, readyz, operations, folder, within },
    exited: () => within("the runner's exit", exited),
    output: () => output,
  };
}

type Platform = Awaited<ReturnType<typeof startPlatform>>;

/** Sends invocations as a gateway does. */
function callerOf({ gateway, within }: Platform) {
  const open = new Map<number, (answer: Record<string, unknown>) => void>();
  const batcher = new Batcher("gateway-1", (runner, message) => gateway.publish(SUBJECTS.runner(runner), message));
  gateway.subscribe(SUBJECTS.gateway("gateway-1", "*"), {
    callback: (_, { data }) => {
      const message = Buffer.from(data);
      readFrames(message, readBatchHeader(message)!.framesAt, (frame) => take(frame));
    },
  });
  function take(frame: Frame): void {
    const answer = open.get(frame.call);
    if (frame.type === FRAME.head) answer?.({ ...readHead(frame), body: String(readHead(frame)!.body) });
    if (frame.type === FRAME.failed) answer?.({ ...readFailed(frame) });
    if (frame.type === FRAME.rejected) answer?.({ rejected: readRejected(frame) });
  }
  let calls = 0;
  return (functionKey: string, options: Partial<Invoke> = {}) => {
    const answer = new Promise<Record<string, unknown>>((resolve) => {
      open.set(++calls, resolve);
      const route = JSON.stringify({ eventFormat: "jd", hostLabel: "abc", region: "local-1" });
      const invoke = {
        ...{ remainingMs: 5_000, depth: 0, attempt: 1, requestId: "r-1", traceparent: "", functionKey, route },
        ...{ method: "GET", target: "/", pathParameters: [], sourceIp: "", protocol: "HTTP/1.1", scheme: "http" },
        ...{ identity: { keyId: "", accountId: "", authType: "" }, headers: [], body: new Uint8Array() },
        ...options,
      };
      writeInvoke(batcher.to("runner-1"), calls, invoke, true);
    });
    return within(`an answer of ${functionKey}`, answer);
  };
}

/** Builds code, stores it where control-plane would, and publishes it as a version. */
function deploy(platform: Platform, code: string, version: number, secrets = {}) {
  return platform.within("a deployment", buildAndPublish(platform, code, version, secrets), 30_000);
}

async function buildAndPublish(
  { control, publicKey }: Platform,
  code: string,
  version: number,
  secrets: Record<string, string>,
) {
  const uploads = await openObjects(control, "uploads");
  const upload = Buffer.from(code);
  await uploads.putBlob({ name: digestOf(upload) }, upload);
  const request: BuildRequest = { uploadDigest: digestOf(upload), filename: "index.ts", entry: "", handler: "" };
  const answer = await control.request(SUBJECTS.build, BuildRequest.encode(request).finish(), { timeout: 10_000 });
  const { outcome } = BuildResponse.decode(answer.data);
  if (outcome?.$case !== "artifact") return outcome;
  const { digest, sizeBytes, shape } = outcome.value;
  const built = await (await openObjects(control, "builds")).getBlob(digest);
  assert.equal(built?.length, sizeBytes);
  await (await openObjects(control, "artifacts")).putBlob({ name: digest }, built!);
  const record: FunctionVersionRecord = {
    ...{
      functionUid: "fn-1",
      version,
      project: "shop",
      functionId: "greet",
      artifactDigest: digest,
      shape,
      handler: "",
    },
    ...{ memoryMib: 128, timeoutMs: 4_000, concurrency: 0, maxConcurrencyPerRunner: 0, environment: { PLAIN: "p" } },
    egress: undefined,
    sealedSecrets: Object.fromEntries(
      Object.entries(secrets).map(([name, value]) => [
        name,
        sealToKey(publicKey, Buffer.from(value), `function-secret|fn-1|${name}`),
      ]),
    ),
  };
  const bucket = await openBucket(control, "functions");
  await bucket.put(KEYS.functionVersion("fn-1", version), packRecord(FunctionVersionRecord.encode(record).finish()));
  return outcome;
}

async function putAlias({ control }: Platform, fields: Partial<AliasRecord>) {
  const record = AliasRecord.fromPartial({ functionUid: "fn-1", alias: "live", generation: 1, ...fields });
  const bucket = await openBucket(control, "functions");
  await bucket.put(KEYS.alias("fn-1", "live"), packRecord(AliasRecord.encode(record).finish()));
}

/** Processes whose folder is one of the runner's sandboxes. */
function sandboxesOf({ folder }: Platform): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`${folder}/cache/runtime/main.mjs`)
      );
    } catch {
      return false;
    }
  });
}

test("the runner waits for the buckets, beats, builds, runs, logs, and drains", async (t) => {
  const platform = await startPlatform(t);
  const { child, control, gateway, watcher, readyz, operations } = platform;
  const beats: Beat[] = [];
  gateway.subscribe(SUBJECTS.beat("*"), {
    callback: (_, { data }) => {
      beats.push(Beat.decode(data));
    },
  });
  await until(async () => (await readyz()).status === 503, { timeoutMs: 15_000, message: platform.output });
  const facts = (await (await readyz()).json()) as { tier: string; ready: boolean };
  assert.deepEqual([facts.ready, facts.tier], [false, process.getuid?.() === 0 ? "reduced" : "development"]);

  const logs: LogBatch[] = [];
  watcher.subscribe(SUBJECTS.log("runner-1", "shop", "fn-1"), {
    callback: (_, { data }) => {
      logs.push(LogBatch.decode(data));
    },
  });
  await platform.within("the buckets", ensureBus(control));
  await until(async () => (await readyz()).ok, { timeoutMs: 15_000, message: platform.output });
  const first = await until(() => beats[0], { message: platform.output });
  assert.deepEqual([first.full, first.slots, first.slotsBusy, first.isolationTier], [true, 64, 0, facts.tier]);

  const code = `export async function handler(event: { detail: { path: string } }) {
    console.log("called", event.detail.path);
    if (event.detail.path === "/slow") await new Promise((resolve) => setTimeout(resolve, 1500));
    return { statusCode: 200, body: [process.env.PLAIN, process.env.TOKEN].join() };
  }`;
  const secret = "canary-6b1f";
  await putAlias(platform, { targets: [{ version: 1, weight: 100 }], minInstances: 1 });
  const outcome = await deploy(platform, code, 1, { TOKEN: secret });
  assert.equal(outcome?.$case, "artifact", platform.output());
  const fault = await deploy(platform, "export const handler = ;", 2);
  assert.deepEqual(fault, {
    $case: "fault",
    value: {
      reason: "code_invalid",
      findings: [{ file: "index.ts", line: 1, column: 24, message: 'Unexpected ";"' }],
    },
  });

  // A runner that has just come catches up before it takes anything, and says so.
  const isWarm = ({ warm }: Beat) => warm.includes("fn-1@1");
  await until(() => beats.some(isWarm) && !beats.at(-1)!.draining, { timeoutMs: 15_000, message: platform.output });
  const call = callerOf(platform);
  const answer = await call("fn-1@1");
  assert.equal(answer.body, `p,${secret}`, `${JSON.stringify(answer)}\n${platform.output()}`);
  assert.deepEqual(await call("fn-9@1"), { rejected: "unknownFunction" });

  const logged = await until(() => logs[0], { message: platform.output });
  assert.deepEqual([logged.requestId, logged.functionId, logged.lines[0]!.message], ["r-1", "greet", "called /"]);

  const metrics = await (await fetch(`http://${operations}/metrics`)).text();
  assert.match(metrics, /runner_slots 64|runner_slots\{.*\} 64/);
  assert.match(metrics, /runner_function_invocations_total\{project="shop",function="greet",outcome="ok".*\} 1/);
  for (const text of [platform.output(), metrics, ...processTexts(platform)]) {
    assert.doesNotMatch(text, new RegExp(secret));
    assert.ok(!text.includes(platform.privateKey.split("\n")[1]!));
  }

  const slow = call("fn-1@1", { target: "/slow" });
  await until(() => beats.at(-1)!.slotsBusy === 1, { message: platform.output });
  child.kill("SIGTERM");
  await until(() => beats.at(-1)!.draining, { message: platform.output });
  assert.deepEqual(await call("fn-1@1"), { rejected: "draining" });
  assert.equal((await slow).status, 200);
  assert.equal(await platform.exited(), 0, platform.output());
  assert.deepEqual(sandboxesOf(platform), []);
});

/** What anybody on the machine may read of the runner's processes. */
function processTexts(platform: Platform): string[] {
  return [String(platform.child.pid), ...sandboxesOf(platform)].flatMap((pid) =>
    ["cmdline", "environ"].map((name) => readFileSync(`/proc/${pid}/${name}`, "latin1")),
  );
}

test("sandboxes die with a runner that is killed, even when their threads spin", async (t) => {
  const platform = await startPlatform(t);
  await ensureBus(platform.control);
  await until(async () => (await platform.readyz()).ok, { timeoutMs: 15_000, message: platform.output });
  await deploy(platform, `export const handler = () => { for (;;) {} };`, 1);
  const call = callerOf(platform);
  // A runner that is new takes nothing until it has caught up with its mail.
  until(async () => (await call("fn-1@1")).rejected !== "platform").catch(() => {});
  await until(() => sandboxesOf(platform).length >= 2, { message: platform.output });
  platform.child.kill("SIGKILL");
  await until(() => sandboxesOf(platform).length === 0, { timeoutMs: 2_000 });
});

test("a runner refuses to start below the minimum tier, and says why", async (t) => {
  const { exited, output } = await startPlatform(t, { MILLRACE_RUNNER_MINIMUM_TIER: "full" });
  assert.equal(await exited(), 1);
  assert.match(output(), /"reason":"tier_too_low"/);
  assert.match(output(), /no sandbox of the tier full/);
});
