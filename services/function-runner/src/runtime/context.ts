import type { InstanceFacts } from "../sandbox/sandbox-frames.ts";
import type { Call } from "./call.ts";
import type { InvocationTrace } from "./trace.ts";

/** The second argument of a handler, and the third of `fetch`. */
export class InvocationContext {
  readonly #call: Call;
  readonly requestId: string;
  readonly functionName: string;
  readonly functionVersion: string;
  /** Text in Lambda's context. */
  memoryLimitInMB: number | string;

  constructor(call: Call, facts: InstanceFacts) {
    this.#call = call;
    this.requestId = call.invoke.requestId;
    this.functionName = facts.functionName;
    this.functionVersion = facts.functionVersion;
    this.memoryLimitInMB = facts.memoryMib;
  }

  /** Aborts when the time is over and when the caller is gone. */
  get signal(): AbortSignal {
    return this.#call.signal;
  }

  /** The trace that the invocation belongs to, and spans of the function's own in it. */
  get trace(): InvocationTrace {
    return this.#call.trace;
  }

  getRemainingTimeInMillis(): number {
    return this.#call.remainingMs;
  }

  /** Keeps the invocation open until `promise` settles; the response is not held up by it. */
  waitUntil(promise: unknown): void {
    this.#call.waitUntil(promise);
  }
}

/** How a handler may answer without returning: the callback, and Lambda's oldest names. */
export type Settle = (error: unknown, result?: unknown) => void;

/** The context with Lambda's names, for functions that were written for it. */
export class LambdaContext extends InvocationContext {
  readonly awsRequestId: string;
  readonly invokedFunctionArn: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  callbackWaitsForEmptyEventLoop = true;
  readonly done: Settle;
  readonly succeed: (result?: unknown) => void;
  readonly fail: (error: unknown) => void;

  constructor(call: Call, facts: InstanceFacts, region: string, settle: Settle) {
    super(call, facts);
    this.memoryLimitInMB = String(facts.memoryMib);
    this.awsRequestId = this.requestId;
    this.invokedFunctionArn = `arn:millrace:lambda:${region}::function:${this.functionName}:${this.functionVersion}`;
    this.logGroupName = `/millrace/functions/${this.functionName}`;
    this.logStreamName = this.functionVersion;
    this.done = settle;
    this.succeed = (result) => settle(null, result);
    this.fail = (error) => settle(error ?? new Error("The function failed without an error."));
  }
}
