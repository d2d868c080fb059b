import type { Invoke, RouteConstants } from "@millrace/frames";
import type { InstanceFacts } from "../sandbox/sandbox-frames.ts";
import { awsEvent1, awsEvent2 } from "./aws-event.ts";
import type { Call } from "./call.ts";
import { InvocationContext, LambdaContext, type Settle } from "./context.ts";
import type { AnyFunction } from "./find-function.ts";
import { readHandlerResult, type WholeResponse } from "./handler-result.ts";
import { jdEvent } from "./jd-event.ts";
import { readRoute } from "./request-parts.ts";

/** Runs a `handler(event, context, callback)` and sends what it returned. Throws what it throws, and ResponseInvalid. */
export async function runHandler(handler: AnyFunction, call: Call, facts: InstanceFacts): Promise<void> {
  const body = call.intake.whole ?? (await call.intake.collect());
  const route = readRoute(call.invoke.route);
  const event = makeEvent(call.invoke, route, body);
  const result = await new Promise<unknown>((resolve, reject) => {
    const settle: Settle = (error, result) => (error ? reject(error) : resolve(result));
    const isLambda = route.eventFormat !== "jd";
    const context = isLambda
      ? new LambdaContext(call, facts, route.region, settle)
      : new InvocationContext(call, facts);
    const returned = handler(event, context, settle);
    // Who takes a callback, or was written for Lambda, and returns nothing will call back.
    const willCallBack = returned === undefined && (handler.length >= 3 || isLambda);
    if (!willCallBack) resolve(returned);
  });
  const { head, body: responseBody } = route.isEventGiven
    ? asJson(result)
    : readHandlerResult(result, route.eventFormat);
  await call.sender.whole(head, responseBody);
}

function makeEvent(invoke: Invoke, route: RouteConstants, body: Uint8Array): unknown {
  if (route.isEventGiven) return JSON.parse(Buffer.from(body).toString("utf8"));
  if (route.eventFormat === "aws-1") return awsEvent1(invoke, route, body);
  if (route.eventFormat === "aws-2") return awsEvent2(invoke, route, body);
  return jdEvent(invoke, route, body);
}

/** Whatever was returned, for whoever tries the function. */
function asJson(result: unknown): WholeResponse {
  const body = Buffer.from(JSON.stringify(result) ?? "null");
  return { head: { status: 200, headers: ["content-type", "application/json"] }, body };
}
