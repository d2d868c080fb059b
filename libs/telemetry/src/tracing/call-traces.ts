import { randomBytes } from "node:crypto";
import type { PlatformError } from "@millrace/errors";
import { wallClockOffsetMs } from "./finished-span.ts";
import { Sampling } from "./sampling.ts";
import type { Spans } from "./span-exports.ts";
import { readTraceparent } from "./trace-context.ts";

/** A call of an RPC that is over. */
interface EndedCall {
  /** `/package.Service/Method` */
  method: string;
  traceparent: string;
  isStream: boolean;
  /** On performance.now()'s clock. */
  startedAtMs: number;
  endedAtMs: number;
  error: PlatformError | undefined;
}

/** Those that are the server's fault; others are a caller's. */
const OUR_FAULTS: ReadonlySet<string> = new Set([
  "unknown",
  "deadline_exceeded",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
]);

/** Exports a span of each call that is sampled, has failed by a fault of ours or took long; undefined when nobody wants any. */
export function traceCalls(spans: Spans | null, ratio: number): ((call: EndedCall) => void) | undefined {
  if (spans === null) return undefined;
  const sampling = new Sampling({ ratio, nowMs: () => performance.now(), random: Math.random });
  return ({ method, traceparent, isStream, startedAtMs, endedAtMs, error }) => {
    const parent = readTraceparent(traceparent);
    const hasFailed = error !== undefined && OUR_FAULTS.has(error.code);
    const durationMs = isStream ? 0 : endedAtMs - startedAtMs;
    if (!sampling.keeps(sampling.samples(parent), hasFailed, durationMs)) return;
    const offsetMs = wallClockOffsetMs();
    const [, service = "", name = ""] = method.split("/");
    spans.add([
      {
        traceId: parent?.traceId ?? randomBytes(16).toString("hex"),
        spanId: randomBytes(8).toString("hex"),
        parentSpanId: parent?.spanId ?? "",
        name: method.slice(1),
        kind: "server",
        startedAtMs: startedAtMs + offsetMs,
        endedAtMs: endedAtMs + offsetMs,
        attributes: {
          "rpc.system": "grpc",
          "rpc.service": service,
          "rpc.method": name,
          ...(error && { "error.type": error.reason, "millrace.code": error.code }),
        },
        error: hasFailed ? error.reason : undefined,
      },
    ]);
  };
}
