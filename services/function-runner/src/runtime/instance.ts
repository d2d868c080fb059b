// What runs in an instance's thread: it waits to be told of one function, loads it and answers its invocations. The function shares this
// realm, so nothing here is a defence; the supervisor believes nothing that it reads from the channel.
import { Socket } from "node:net";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { CallMap, FLAG, FRAME, type Frame, FrameReader, findCollect, readCredit, readInvoke } from "@millrace/frames";
import { OWN_SPAN_LIMITS } from "../limits.ts";
import { Channel } from "../sandbox/channel.ts";
import {
  type InstanceFacts,
  type InstanceLoad,
  SANDBOX_FRAME,
  writeDone,
  writeJson,
} from "../sandbox/sandbox-frames.ts";
import { Call } from "./call.ts";
import { relayConnections, type Traveller } from "./egress-connect.ts";
import { relayLookups } from "./egress-dns.ts";
import { type FoundFunction, findFunction, listExports } from "./find-function.ts";
import { collectWhenIdle } from "./idle-memory.ts";
import type { ThreadStart } from "./instance-thread.ts";
import { installRequest } from "./light-request.ts";
import { installResponse } from "./light-response.ts";
import { Meter, type MeterMark } from "./meter.ts";
import { tellDepth } from "./outgoing-depth.ts";
import { carryTrace } from "./outgoing-trace.ts";
import { currentCall, Output } from "./output.ts";
import { ResponseInvalid } from "./response-headers.ts";
import { runFetch } from "./run-fetch.ts";
import { runHandler } from "./run-handler.ts";
import { describeThrown } from "./thrown.ts";

const { channelFd, withWeb, way } = workerData as ThreadStart;
const calls = new CallMap<Call>();
/** Calls of a handler that wait for the one that runs. */
const staged: Call[] = [];
let handlerRuns = false;
const meter = new Meter();
const channel = new Channel(new Socket({ fd: channelFd }), { onFrame, onEnd: () => process.exit() });
const output = new Output(channel);
/** What it is to load, as far as that has come. */
const pieces: Buffer[] = [];
let facts: InstanceFacts;
let loaded: FoundFunction | undefined;
const traveller: Traveller = { functionName: "", hostLoopback: new Set() };

function onFrame(frame: Frame): void {
  const call = calls.get(frame.call);
  if (frame.type === FRAME.invoke) begin(frame);
  else if (frame.type === FRAME.chunk) call?.intake.add(frame.payload, (frame.flags & FLAG.end) !== 0);
  else if (frame.type === FRAME.credit) call?.sender.addCredit(readCredit(frame));
  else if (frame.type === FRAME.cancel && call) cancel(call, new FrameReader(frame.payload).u8());
  else if (frame.type === SANDBOX_FRAME.recall && call) giveBack(call);
  else if (frame.type === SANDBOX_FRAME.load) collectLoad(frame);
  else if (frame.type === SANDBOX_FRAME.ping) channel.writer().begin(SANDBOX_FRAME.pong, 0, 0).end();
}

/** Those who listen to the signal belong to the call: what they print is its output. */
function cancel(call: Call, cancellation: number): void {
  if (giveBack(call)) return;
  // It may never come to its end, and where it hangs is what its spans can tell.
  if (call.hasSpans && !call.isCancelled) tellSpans(call);
  currentCall.run(call, () => call.cancel(cancellation));
}

function tellSpans(call: Call): void {
  writeJson(channel.writer(), SANDBOX_FRAME.spans, call.id, call.trace.ownSpans);
}

/** Nobody asks for what went well and fast, and was not sampled. */
function mayBeTraced({ trace, failed, sender, beganAt }: Call): boolean {
  return trace.sampled || failed || sender.status >= 500 || performance.now() - beganAt >= OWN_SPAN_LIMITS.tellAfterMs;
}

function begin(frame: Frame): void {
  const invoke = readInvoke(frame);
  if (!invoke || !loaded) return;
  const call = new Call(channel, frame, invoke);
  calls.set(call.id, call);
  if (handlerRuns) staged.push(call);
  else start(call, loaded);
}

function start(call: Call, found: FoundFunction): void {
  handlerRuns = found.shape === "handler";
  void currentCall.run(call, run, call, found);
}

/** Answers whether the call had not begun, and now never will. */
function giveBack(call: Call): boolean {
  const at = staged.indexOf(call);
  if (at === -1) return false;
  staged.splice(at, 1);
  calls.delete(call.id);
  channel.writer().begin(SANDBOX_FRAME.returned, 0, call.id).end();
  return true;
}

/** The supervisor must be able to tell, whatever happens to this thread, that the next call has begun: the end before it is sent first. */
function startNext(): void {
  if (staged.length === 0) handlerRuns = false;
  else
    channel.whenWritten(() => {
      const next = staged.shift();
      if (next) start(next, loaded!);
      else handlerRuns = false;
    });
}

async function run(call: Call, { shape, call: invocable }: FoundFunction): Promise<void> {
  const mark = meter.begin();
  try {
    await (shape === "fetch" ? runFetch : runHandler)(invocable, call, facts);
  } catch (error) {
    const isInvalid = error instanceof ResponseInvalid;
    call.failed = true;
    output.line("error", isInvalid ? error.message : describeThrown(error));
    call.sender.failed(isInvalid ? "function_response_invalid" : "function_error");
  }
  if (call.hasPendingWork) for (const failure of await call.settled()) output.line("error", describeThrown(failure));
  finish(call, mark);
}

function finish(call: Call, mark: MeterMark): void {
  call.ended = true;
  calls.delete(call.id);
  if (call.hasSpans && mayBeTraced(call)) tellSpans(call);
  writeDone(channel.writer(), call.id, { ...meter.end(mark), droppedLines: call.droppedLines });
  startNext();
}

function collectLoad({ flags, payload }: Frame): void {
  pieces.push(Buffer.from(payload));
  if ((flags & FLAG.end) !== 0) void load(JSON.parse(Buffer.concat(pieces.splice(0)).toString("utf8")) as InstanceLoad);
}

async function load({ environment, hostLoopback, ...given }: InstanceLoad): Promise<void> {
  facts = given;
  Object.assign(traveller, { functionName: facts.functionName, hostLoopback: new Set(hostLoopback) });
  output.readFrom(facts.folder);
  Object.assign(process.env, environment);
  try {
    const module = (await import(pathToFileURL(`${facts.folder}/index.mjs`).href)) as Record<string, unknown>;
    loaded = findFunction(module, facts.handler);
    writeJson(channel.writer(), SANDBOX_FRAME.loaded, 0, { shape: loaded.shape, exports: listExports(module) });
  } catch (error) {
    const message = output.readable(String((error as Error | undefined)?.message ?? error));
    writeJson(channel.writer(), SANDBOX_FRAME.loadFailed, 0, {
      message,
      stack: output.readable(describeThrown(error)),
    });
  }
}

// Nobody listens there; a flood of messages would only keep the main thread from starting and ending others.
parentPort?.close();
// Node 26 cuts small buffers from pools of 64 KiB. One lasts for a thousand short answers, so the collections of the young see it twice and take it
// for old; V8 lets a thousand old ones lie in each thread before it looks for those that nobody holds. Of small pools few are seen twice.
Buffer.poolSize = 8 * 1024;
output.capture();
installRequest();
installResponse();
tellDepth();
carryTrace();
if (way) {
  relayConnections(way, traveller);
  relayLookups(way.relaySocket);
}
// A rejection that nobody handles is the fault of one invocation; its neighbours go on.
process.on("unhandledRejection", (reason) => output.line("error", `Unhandled rejection: ${describeThrown(reason)}`));
// One that comes from elsewhere ends the thread; what it was is said here, where its places are known.
process.on("uncaughtExceptionMonitor", (error) => output.line("error", `Uncaught ${describeThrown(error)}`));
if (withWeb) new Headers();
channel.writer().begin(SANDBOX_FRAME.ready, 0, 0).end();
collectWhenIdle({ isBlank: () => facts === undefined, hasCalls: () => calls.size > 0 }, findCollect);
