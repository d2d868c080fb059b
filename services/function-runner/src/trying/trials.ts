import {
  batchHeader,
  CANCELLATION,
  FrameWriter,
  type Invoke,
  type RouteConstants,
  readBatchHeader,
  readFrames,
  writeCancel,
  writeInvoke,
} from "@millrace/frames";
import type { TrialRequest, TrialResponse } from "@millrace/proto/invocation/v1/invocation";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { functionKey } from "../functions/function-version.ts";
import type { Invocation, InvocationOutcome } from "../instances/invocation.ts";
import type { OutputLine } from "../instances/invocation-output.ts";
import { TRIAL_LIMITS } from "../limits.ts";
import { Trial } from "./trial.ts";

/** As whom trials ask the runner for slots. No gateway can be called so. */
export const TRIER = "@trier";

export interface TrialsDependencies {
  /** Takes a batch of frames as one of a gateway is taken. */
  send(message: Buffer): void;
  /** Nothing of the version is called any more. */
  retire(key: string): void;
}

/**
 * Calls functions for those who write them: through the same admission, limits and instances as the calls of gateways, and telling all about
 * it. A draft has no record on the bus; the last few that were tried are remembered here, each under a number of its own.
 */
export class Trials {
  readonly #deps: TrialsDependencies;
  readonly #drafts = new Map<string, FunctionVersionRecord>();
  readonly #open = new Map<number, Trial>();
  readonly #byRequest = new Map<string, { trial: Trial; key: string }>();
  readonly #writer = new FrameWriter();
  #calls = 0;

  constructor(deps: TrialsDependencies) {
    this.#deps = deps;
  }

  /** A draft that was tried lately. */
  draft(key: string): FunctionVersionRecord | undefined {
    return this.#drafts.get(key);
  }

  async try(request: TrialRequest): Promise<TrialResponse> {
    if (this.#open.size >= TRIAL_LIMITS.openMax) return { outcome: { $case: "rejection", value: "busy" } };
    if (request.draft) this.#keep(request.draft);
    const call = ++this.#calls;
    const trial = new Trial(request.timeoutMs);
    this.#open.set(call, trial);
    this.#byRequest.set(request.requestId, { trial, key: request.functionKey });
    try {
      this.#send((writer) => writeInvoke(writer, call, invokeOf(request), true));
      return await trial.response;
    } finally {
      this.#open.delete(call);
      this.#byRequest.delete(request.requestId);
    }
  }

  /** Frames that the runner sends to the trier. */
  receive(message: Buffer): void {
    const header = readBatchHeader(message);
    if (!header) return;
    readFrames(message, header.framesAt, (frame) => {
      const wanted = this.#open.get(frame.call)?.take(frame) ?? true;
      if (!wanted) this.#send((writer) => writeCancel(writer, frame.call, CANCELLATION.callerGone));
    });
  }

  /** Something that a version printed outside any invocation. */
  printed(record: FunctionVersionRecord, level: OutputLine["level"], bytes: Buffer): void {
    for (const { trial, key } of this.#byRequest.values()) if (key === functionKey(record)) trial.print(level, bytes);
  }

  over(invocation: Invocation, outcome: InvocationOutcome): void {
    this.#byRequest.get(invocation.request.requestId)?.trial.over(invocation, outcome);
  }

  /** The newest draft of a function takes the place of those before it. */
  #keep(draft: FunctionVersionRecord): void {
    const key = functionKey(draft);
    if (!this.#drafts.has(key)) {
      for (const [other, { functionUid }] of this.#drafts) {
        if (functionUid === draft.functionUid || this.#drafts.size >= TRIAL_LIMITS.draftsMax) this.#forget(other);
      }
    }
    this.#drafts.delete(key);
    this.#drafts.set(key, draft);
  }

  #forget(key: string): void {
    this.#drafts.delete(key);
    this.#deps.retire(key);
  }

  #send(write: (writer: FrameWriter) => void): void {
    this.#writer.raw(HEADER);
    write(this.#writer);
    this.#deps.send(this.#writer.take());
  }
}

const HEADER = batchHeader(TRIER);

function invokeOf({ input, ...request }: TrialRequest): Invoke {
  const call = input?.$case === "call" ? input.value : undefined;
  const target = call?.target ?? "/";
  const route: RouteConstants = {
    apiUid: "test",
    apiName: "test",
    groupName: "test",
    revision: "0.0.0",
    environment: "test",
    region: request.region,
    ownerPin: Buffer.from(request.project).toString("base64"),
    resource: target.split("?", 1)[0]!,
    hostLabel: "test",
    eventFormat: request.eventFormat,
    isEventGiven: input?.$case === "event",
  };
  return {
    remainingMs: request.timeoutMs,
    depth: 0,
    attempt: 1,
    requestId: request.requestId,
    traceparent: "",
    functionKey: request.functionKey,
    route: JSON.stringify(route),
    method: call?.method ?? "POST",
    target,
    pathParameters: Object.entries(call?.pathParameters ?? {}).flat(),
    sourceIp: "127.0.0.1",
    protocol: "HTTP/1.1",
    scheme: "http",
    identity: { keyId: "", accountId: "", authType: "" },
    headers: Object.entries(call?.headers ?? {}).flat(),
    body: (input?.$case === "event" ? input.value : call?.body) ?? new Uint8Array(),
  };
}
