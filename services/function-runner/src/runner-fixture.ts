import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "@millrace/bus";
import {
  Batcher,
  batchHeader,
  FLAG,
  FRAME,
  type Frame,
  FrameWriter,
  type Invoke,
  type RouteConstants,
  readAccepted,
  readBatchHeader,
  readFailed,
  readFrames,
  readHead,
  readRejected,
  writeCancel,
  writeChunk,
  writeCredit,
  writeInvoke,
} from "@millrace/frames";
import { parseAllowedRange } from "@millrace/outbound";
import { LogBatch } from "@millrace/proto/invocation/v1/invocation";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import type { FinishedSpan } from "@millrace/telemetry/tracing";
import { testEngines } from "@millrace/testing";
import { ArtifactCache } from "./artifacts/artifact-cache.ts";
import { ENTRY_FILE, packArtifact } from "./artifacts/artifact-format.ts";
import type { EgressEvent } from "./egress/audit.ts";
import { Egress, type EgressOptions } from "./egress/egress.ts";
import { functionKey } from "./functions/function-version.ts";
import { FunctionPools } from "./instances/function-pools.ts";
import { ProjectSandboxes } from "./instances/project-sandboxes.ts";
import { PLACING_LIMITS } from "./limits.ts";
import { LogPublisher } from "./logs/log-bus.ts";
import { Placing } from "./placing/placing.ts";
import { createLauncher } from "./sandbox/launcher.ts";
import { prepareRuntimeFolder } from "./sandbox/runtime-folder.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import { SandboxSupply } from "./sandbox/sandbox-supply.ts";
import { InvocationTraces } from "./tracing/invocation-traces.ts";
import { TRIER, Trials } from "./trying/trials.ts";

// A whole runner without the bus: real sandboxes, and a test in the place of gateways and control-plane.

export interface Owner {
  after(release: () => Promise<void>): unknown;
}

export interface Answer {
  cold?: boolean;
  /** As the head says it, in the end. */
  waitedForStart?: boolean;
  rejected?: string;
  status?: number;
  headers: Record<string, string[]>;
  body: Buffer;
  failed?: string;
  chunks: number;
}

export interface CallOptions extends Partial<Omit<Invoke, "headers" | "route" | "body">> {
  headers?: Record<string, string>;
  route?: Partial<RouteConstants>;
  body?: string | Uint8Array;
  /** More of the body, sent as chunks while credit lasts. */
  moreBody?: Iterable<Uint8Array>;
}

export interface OpenCall {
  answer: Promise<Answer>;
  cancel(cancellation: number): void;
}

export interface DeployOptions extends Partial<FunctionVersionRecord> {
  environment?: Record<string, string>;
}

export type TestRunner = Awaited<ReturnType<typeof startTestRunner>>;

const GATEWAY = "gateway-1";
const SILENT = { info() {}, warn() {} };

export async function startTestSupply(owner: Owner): Promise<{ supply: SandboxSupply; cache: string }> {
  const cache = mkdtempSync(join(tmpdir(), "millrace-runner-"));
  chmodSync(cache, 0o755);
  const runtime = await prepareRuntimeFolder(cache);
  const launcher = createLauncher(runtime, {
    ownUsers: process.getuid?.() === 0,
    bubblewrap: testEngines().bubblewrap,
  });
  const supply = new SandboxSupply(launcher, join(cache, "sandboxes"), SILENT);
  owner.after(async () => {
    await supply.close();
    rmSync(cache, { recursive: true, force: true });
  });
  return { supply, cache };
}

export interface RunnerOptions {
  slots?: number;
  instancesMax?: number;
  /** What the operator allows, and who resolves names. */
  egress?: { allow?: string[] } & Pick<EgressOptions, "resolve" | "dial">;
}

export async function startTestRunner(
  owner: Owner,
  { slots = 16, instancesMax = 64, egress: terms = {} }: RunnerOptions = {},
) {
  const { supply, cache } = await startTestSupply(owner);
  const code = new Map<string, Buffer>();
  const records = new Map<string, FunctionVersionRecord>();
  const open = new Map<number, (frame: Frame) => void>();
  const published: LogBatch[] = [];
  const sandboxes: Sandbox[] = [];
  const artifacts = new ArtifactCache(join(cache, "artifacts"), async (digest) => {
    const bytes = code.get(digest);
    if (!bytes) throw new Error("no such artifact");
    return bytes;
  });
  const logs = new LogPublisher("runner-1", (_, bytes) => published.push(LogBatch.decode(bytes)) > 0);
  const spans: FinishedSpan[] = [];
  const traces = new InvocationTraces({ add: (more) => spans.push(...more) }, () => performance.now());
  const connections: EgressEvent[] = [];
  const { allow = [], ...outside } = terms;
  const egress = new Egress({
    allow: allow.map((text) => parseAllowedRange(text)!),
    busUrl: "nats://127.0.0.1:4222",
    log: { ...SILENT, info: (event) => connections.push(event as EgressEvent) },
    ...outside,
  });
  const pools = new FunctionPools({
    sandboxes: new ProjectSandboxes({
      take: () => {
        const sandbox = supply.take();
        sandboxes.push(sandbox);
        return sandbox;
      },
      openEgress: ({ folders, uid }, project, policy) => egress.open({ folder: folders.egress, uid }, project, policy),
    }),
    hostLoopback: (policy) => egress.hostLoopback(policy),
    fetchArtifact: (digest) => artifacts.ensure(digest),
    placeArtifact: (digest, folder) => artifacts.placeInto(digest, folder),
    usesWeb: (digest) => artifacts.usesWeb(digest),
    openEnvironment: (record) => record.environment,
    onOutput: (record, level, bytes) => {
      logs.loose(record, level, bytes);
      trials.printed(record, level, bytes);
    },
    onWarmth() {},
    log: SILENT,
    instancesMax,
  });
  const placing = new Placing({
    slots,
    batcher: new Batcher("runner-1", (peer, message) => {
      if (peer === TRIER) return trials.receive(message);
      readFrames(message, readBatchHeader(message)!.framesAt, (frame) => open.get(frame.call)?.(frame));
    }),
    isConnected: () => true,
    echo: async () => {},
    records: { get: (key) => records.get(key) ?? trials.draft(key), waitFor: async (key) => records.get(key) },
    poolOf: (record) => pools.poolOf(record),
    onChange() {},
    onOver: (record, invocation, outcome) => {
      logs.invocationOver(record, invocation, outcome);
      traces.over(record, invocation, outcome);
      trials.over(invocation, outcome);
    },
  });
  const trials = new Trials({ send: (message) => placing.receive(message), retire: (key) => pools.retire(key) });
  // As the beats do: a process that is not ticked is held to have stood still, and takes nothing until it has caught up.
  const ticker = setInterval(() => placing.tick(performance.now()), PLACING_LIMITS.beatIntervalMs);
  owner.after(async () => {
    clearInterval(ticker);
    pools.close();
  });

  let deployed = 0;
  let called = 0;

  const writer = new FrameWriter();
  function send(write: (writer: FrameWriter) => void): void {
    writer.raw(batchHeader(GATEWAY));
    write(writer);
    placing.receive(writer.take());
  }

  /** Deploys files, or one file of code, as a function version. */
  function deploy(files: string | Record<string, string>, options: DeployOptions = {}): FunctionVersionRecord {
    const contents = typeof files === "string" ? { [ENTRY_FILE]: files } : files;
    const packed = packArtifact(Object.entries(contents).map(([path, text]) => ({ path, content: Buffer.from(text) })));
    const record: FunctionVersionRecord = {
      functionUid: `fn-${++deployed}`,
      version: 1,
      project: "shop",
      functionId: "greet",
      artifactDigest: digestOf(packed),
      shape: "handler",
      handler: "",
      memoryMib: 128,
      timeoutMs: 3_000,
      concurrency: 0,
      maxConcurrencyPerRunner: 0,
      environment: {},
      sealedSecrets: {},
      egress: undefined,
      ...options,
    };
    code.set(record.artifactDigest, packed);
    records.set(functionKey(record), record);
    return record;
  }

  function begin(record: FunctionVersionRecord, options: CallOptions = {}): OpenCall {
    const number = ++called;
    const answer: Answer = { headers: {}, body: Buffer.alloc(0), chunks: 0 };
    const done = Promise.withResolvers<Answer>();
    const more = options.moreBody?.[Symbol.iterator]();
    let credit = 0;
    const sendMore = () => {
      while (more && credit > 0) {
        const next = more.next();
        credit -= next.value?.length ?? 0;
        send((writer) => writeChunk(writer, number, next.value ?? new Uint8Array(), next.done === true));
        if (next.done) break;
      }
    };
    open.set(number, (frame) => {
      if (frame.type === FRAME.accepted) answer.cold = readAccepted(frame).cold;
      else if (frame.type === FRAME.rejected) answer.rejected = readRejected(frame);
      else if (frame.type === FRAME.failed) answer.failed = readFailed(frame)!.reason;
      else if (frame.type === FRAME.head) takeHead(answer, frame);
      else if (frame.type === FRAME.chunk) {
        answer.chunks++;
        answer.body = Buffer.concat([answer.body, frame.payload]);
        send((writer) => writeCredit(writer, number, frame.payload.length));
      } else if (frame.type === FRAME.credit) {
        credit += frame.payload.readUInt32LE(0);
        sendMore();
      }
      const ended = (frame.flags & FLAG.end) !== 0 && frame.type !== FRAME.credit;
      if (ended || frame.type === FRAME.rejected) done.resolve(answer);
    });
    send((writer) => writeInvoke(writer, number, invokeOf(record, options), !more));
    credit = 256 * 1024;
    sendMore();
    return {
      answer: done.promise,
      cancel: (cancellation) => send((writer) => writeCancel(writer, number, cancellation)),
    };
  }

  return {
    supply,
    placing,
    pools,
    trials,
    published,
    logs,
    /** Everything that was exported. */
    spans,
    /** What became of the functions' connections. */
    connections,
    egress,
    /** Every sandbox that was given to a project. */
    sandboxes,
    deploy,
    begin,
    call: (record: FunctionVersionRecord, options?: CallOptions) => begin(record, options).answer,
    /** Everything that was logged, with its level. */
    lines: () => published.flatMap(({ lines }) => lines.map(({ level, message }) => `${level}: ${message}`)),
  };
}

function takeHead(answer: Answer, frame: Frame): void {
  const head = readHead(frame)!;
  answer.status = head.status;
  answer.waitedForStart = (frame.flags & FLAG.cold) !== 0;
  answer.body = Buffer.from(head.body);
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i]!;
    answer.headers[name] = [...(answer.headers[name] ?? []), head.headers[i + 1]!];
  }
}

const ROUTE: RouteConstants = {
  apiUid: "api-1",
  apiName: "getPet",
  groupName: "petstore",
  revision: "0.0.1",
  environment: "test",
  region: "local-1",
  ownerPin: "c2hvcA==",
  resource: "/petstore/pets/{petId}",
  hostLabel: "abcdefghijkl-test",
  eventFormat: "jd",
};

function invokeOf(record: FunctionVersionRecord, options: CallOptions): Invoke {
  const { headers = {}, route, body = "", moreBody: _, ...rest } = options;
  return {
    remainingMs: record.timeoutMs + 1_000,
    depth: 0,
    attempt: 1,
    requestId: "request-1",
    traceparent: "",
    functionKey: functionKey(record),
    method: "GET",
    target: "/petstore/pets/7",
    pathParameters: ["petId", "7"],
    sourceIp: "192.0.2.1",
    protocol: "HTTP/1.1",
    scheme: "http",
    identity: { keyId: "", accountId: "", authType: "" },
    ...rest,
    route: JSON.stringify({ ...ROUTE, ...route }),
    headers: Object.entries({ host: "abcdefghijkl-test.local-1.localhost", ...headers }).flat(),
    body: Buffer.from(body),
  };
}
