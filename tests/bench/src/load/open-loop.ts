import { fork } from "node:child_process";
import type { LoadPlan, LoadResult } from "./load-plan.ts";

// Open-loop load comes from a process of its own, so that what the benchmark does beside it does not delay a request.

const WORKER = new URL("./open-loop-worker.ts", import.meta.url).pathname;
const GRACE_MS = 15_000;

/** Rejects when `signal` aborts, or when the generator is not done soon after the last deadline of its plan. */
export function runOpenLoop(plan: LoadPlan, signal: AbortSignal): Promise<LoadResult> {
  const timeoutMs =
    plan.warmUpMs + plan.durationMs + Math.max(...plan.streams.map((stream) => stream.timeoutMs)) + GRACE_MS;
  const child = fork(WORKER, [], { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
  return new Promise((resolve, reject) => {
    child.once("message", (result) => resolve(result as LoadResult));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the load generator ended with ${code}`)));
    child.send(plan, (error) => error && reject(error));
  });
}
