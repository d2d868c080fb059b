import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Bench, Scenario } from "../bench.ts";
import { type Section, shownSpread } from "../report/section.ts";
import { CONNECTIONS, compareHellos, FULL, type Variants } from "../targets/variants.ts";

// What it costs to tell what happened: the access log, an event and a count for each request, the end of each invocation, the traces of some.

const SAMPLED = 0.01;

interface Telling extends Variants<"told" | "untold"> {
  /** That the platforms which tell have delivered, so that it is known that they did. */
  spanBatches: number;
}

export const telling: Scenario<Telling> = {
  name: "telling",
  key: "telling",
  about: "what logs, events, metrics and traces of 1 % cost a hello",
  measure,
  present,
};

async function measure(bench: Bench): Promise<Telling> {
  let spanBatches = 0;
  const collector = createServer(async (request, response) => {
    request.resume();
    await once(request, "end");
    if (request.url === "/v1/traces") spanBatches++;
    response.setHeader("content-type", "application/x-protobuf").end();
  });
  await once(collector.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const told = {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    MILLRACE_TRACES_SAMPLE_RATIO: String(SAMPLED),
  };
  try {
    const variants = await compareHellos(bench, ["told", "untold"], {
      told: { telemetry: told },
      untold: { telemetry: { MILLRACE_REQUESTS_TOLD: "false" } },
    });
    return { ...variants, spanBatches };
  } finally {
    collector.closeAllConnections();
    collector.close();
  }
}

function present({ ratio, rps, errors, spanBatches }: Telling): Section {
  return {
    title: "Telling what happened",
    text: `wrk calls \`millrace-hello\` of one runner with ${CONNECTIONS} connections, ${FULL.seconds} s after ${FULL.warmUpSeconds} s to warm up, ${FULL.rounds} rounds: with
everything that is told by default and traces of ${SAMPLED * 100} % exported over OTLP, and with \`MILLRACE_REQUESTS_TOLD=false\`, where nothing is. The collector
took ${spanBatches} batches of spans. Calls that failed: ${errors}.`,
    head: ["what happened is", "answers/s"],
    rows: [
      ["told", shownSpread(rps.told, 0)],
      ["not told", shownSpread(rps.untold, 0)],
    ],
    checks: [{ what: "told ÷ not told", measured: ratio.median, target: { atLeast: 0.9 } }],
    charts: [],
  };
}
