import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "@millrace/errors";
import { formatName } from "@millrace/names";
import {
  type InvocationRecord,
  type RequestRecord,
  RequestReport,
  RequestServiceService,
} from "@millrace/proto/control/v1/requests";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import { EXPLAIN_POLL_MS, EXPLAIN_WAIT_MS } from "../limits.ts";
import { fieldsText } from "../output/table.ts";
import { logLine } from "./logs.ts";

export function registerExplain(registry: Registry): void {
  registry.command<{ unrouted?: boolean }>({
    usage: "explain <requestId>",
    description: "say what became of one request: where it went, how long each part took, why it ended so, what to do",
    options: [new Option("--unrouted", "one that no deployment answered; for operators")],
    examples: ["millrace explain 5f0c… (the header x-millrace-request-id of the answer)"],
    async run(context, [requestId = ""], { unrouted = false }) {
      const { call } = context;
      const report = await reportOf(() =>
        unrouted
          ? call(RequestServiceService.getUnroutedRequest, {
              name: formatName("unroutedRequest", { request: requestId }),
            })
          : call(RequestServiceService.getRequest, { name: `${context.project}/requests/${requestId}` }),
      );
      return { json: RequestReport.toJSON(report), text: textOf(report) };
    },
  });
}

/** What was asked a moment ago may still be on its way, the gateway's part a little longer than the runner's. */
async function reportOf(ask: () => Promise<RequestReport>): Promise<RequestReport> {
  const deadlineAt = performance.now() + EXPLAIN_WAIT_MS;
  for (;;) {
    const isLast = performance.now() >= deadlineAt;
    try {
      const report = await ask();
      if (report.request || isLast) return report;
    } catch (error) {
      const isUnknown = error instanceof PlatformError && error.reason === "request_not_found";
      if (!isUnknown || isLast) throw error;
    }
    await delay(EXPLAIN_POLL_MS);
  }
}

function textOf({ summary, advice, mender, request, invocations, entries }: RequestReport): string {
  const parts = [
    advice === "" ? summary : `${summary}\n${mender}: ${advice}`,
    ...(request ? [fieldsText(requestFields(request))] : []),
    ...invocations.map((invocation) => fieldsText(invocationFields(invocation))),
    entries.map(logLine).join("\n"),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function requestFields(request: RequestRecord): [string, string][] {
  const { method, path, host, group, phases, function: id, keyId, callerProject } = request;
  const served = group && `${group} ${request.environment}, release ${request.release} (${request.revision})`;
  return [
    ["request", `${method} ${path}`],
    ["query", request.queryNames],
    ["time", request.time?.toISOString() ?? ""],
    ["to", [host, served].filter(Boolean).join(", ")],
    ["api", request.api],
    ["from", [request.sourceIp, keyId && `key ${keyId} of ${callerProject}`].filter(Boolean).join(", ")],
    ["gateway", request.gateway],
    ["function", id && `${id}@${request.functionVersion}`],
    ["runner", request.runner && `${request.runner}, ${counted(request.attempts)}, ${request.cold ? "cold" : "warm"}`],
    ["backend", backendText(request)],
    ["bytes", `${request.requestBytes} in, ${request.responseBytes} out`],
    ["took", `${request.durationMs.toFixed(1)} ms`],
    ...phases.map(({ name, durationMs }): [string, string] => [`  ${name}`, `${durationMs.toFixed(1)} ms`]),
    ["trace", request.traceId && `${request.traceId}, ${request.traceExported ? "exported" : "not exported"}`],
  ];
}

function backendText({ backend, backendHost, backendStatus, backendMs }: RequestRecord): string {
  if (backend === "" || backendMs === 0) return backend;
  const name = [backend, backendHost].filter(Boolean).join(" ");
  return `${name}: ${backendStatus || "no answer"} after ${backendMs.toFixed(1)} ms`;
}

function counted(attempts: number): string {
  return attempts === 1 ? "1 attempt" : `${attempts} attempts`;
}

function invocationFields(invocation: InvocationRecord): [string, string][] {
  const { runner, status, reason, cpuUs, memoryKib, cpuShared } = invocation;
  return [
    ["invocation", `${invocation.function}@${invocation.version} at ${runner}: ${reason || status}`],
    ["took", `${invocation.durationMs.toFixed(1)} ms, of which ${invocation.waitMs.toFixed(1)} ms until it began`],
    [
      "cpu",
      cpuUs === undefined ? "" : `${(cpuUs / 1_000).toFixed(1)} ms${cpuShared ? ", shared with other calls" : ""}`,
    ],
    ["memory", memoryKib === undefined ? "" : `${(memoryKib / 1_024).toFixed(1)} MiB of its instance`],
  ];
}
