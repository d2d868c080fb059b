import type { Call } from "../dispatching/call.ts";

/**
 * Where the time of a function's answer went, as the header `Server-Timing` says it. The runner's word of when it accepted tells the way
 * there from the function's own time; of calls that may run twice it comes late or not at all, and the way is counted to the function.
 */
export function serverTiming(startedAtMs: number, call: Call, nowMs: number): string {
  const { placedAtMs, acceptedAtMs, isCold, invocation } = call;
  const parts = [metric("queue", placedAtMs - startedAtMs)];
  if (!invocation.safe) parts.push(metric("dispatch", acceptedAtMs - placedAtMs));
  parts.push(metric("function", nowMs - (invocation.safe ? placedAtMs : acceptedAtMs)));
  if (isCold) parts.push('cold;desc="an instance was started"');
  return parts.join(", ");
}

function metric(name: string, ms: number): string {
  return `${name};dur=${Math.max(0, ms).toFixed(1)}`;
}
