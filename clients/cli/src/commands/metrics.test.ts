import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { PlatformError } from "@millrace/errors";
import {
  MetricDimension,
  MetricSeries,
  MetricServiceService,
  MetricStep,
  type QueryMetricsRequest,
} from "@millrace/proto/control/v1/metrics";
import { RpcServer } from "@millrace/rpc";
import { folderWith, run, writePlatformFile } from "../command-line-fixture.ts";

const time = new Date("2026-11-22T12:00:00Z");
const later = new Date("2026-11-22T12:01:00Z");

/** Answers each question with `series`, and keeps what was asked. */
async function startMetrics(t: TestContext, seriesOf: (request: QueryMetricsRequest) => Partial<MetricSeries>[]) {
  const asked: QueryMetricsRequest[] = [];
  const server = new RpcServer({
    access: new Proxy({}, { get: () => ({ who: "public" }) }),
    authenticate: async () => ({ kind: "anonymous" }),
    log: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  server.add(MetricServiceService, {
    async queryMetrics(request) {
      asked.push(request);
      const series = seriesOf(request).map((one) => MetricSeries.fromPartial(one));
      return { step: MetricStep.MINUTE, start: request.start, end: request.end, series, truncated: asked.length > 1 };
    },
  });
  const port = await server.listen("127.0.0.1", 0);
  t.after(() => server.close());
  const home = folderWith(t, {});
  writePlatformFile(home, { controlPlane: `127.0.0.1:${port}` });
  return { asked, home };
}

test("metrics asks for a target, and shows a line for each time and a column for each metric", async (t) => {
  const { asked, home } = await startMetrics(t, () => [
    {
      metric: "requests",
      api: "getPet",
      points: [
        { time, value: 3 },
        { time: later, value: 4 },
      ],
    },
    { metric: "error_rate", unit: "ratio", api: "getPet", points: [{ time: later, value: 0.25 }] },
    { metric: "latency_p99", unit: "ms", api: "getPet", points: [{ time: later, value: 4_880.2 }] },
  ]);
  const target = "groups/shop/deployments/online/apis/getPet";
  const args = [
    "-m",
    "requests",
    "-m",
    "error_rate",
    "-m",
    "latency_p99",
    "--since",
    "10m",
    "--step",
    "minute",
    "--split-by",
    "api",
  ];
  const { exitCode, stdout } = await run(home, ["metrics", target, ...args]);
  assert.deepEqual(
    [exitCode, stdout],
    [
      0,
      [
        "TIME               OF      REQUESTS  ERROR_RATE  LATENCY_P99",
        "2026-11-22T12:00Z  getPet  3         -           -",
        "2026-11-22T12:01Z  getPet  4         25.00 %     ~4880 ms\n",
      ].join("\n"),
    ],
  );
  const [request] = asked;
  assert.deepEqual(request!.target, {
    group: "shop",
    environment: "online",
    api: "getPet",
    keyId: "",
    function: "",
    version: 0,
  });
  assert.deepEqual(
    [request!.parent, request!.metrics, request!.step, request!.splitBy],
    ["projects/default", ["requests", "error_rate", "latency_p99"], MetricStep.MINUTE, [MetricDimension.API]],
  );
  const sinceMs = Date.now() - request!.start!.getTime();
  assert.ok(sinceMs > 599_000 && sinceMs < 660_000);
  const json = await run(home, ["metrics", "functions/pets/versions/2", "--output", "json"]);
  assert.equal(JSON.parse(json.stdout).series.length, 3);
  assert.deepEqual([asked[1]!.target!.function, asked[1]!.target!.version], ["pets", 2]);
  assert.equal(asked[1]!.metrics[0], "invocations");
  assert.match((await run(home, ["metrics"])).stdout, /there is more than is shown/);
});

test("a target or a dimension that is none is a wrong use, and is not asked", async (t) => {
  const { asked, home } = await startMetrics(t, () => []);
  for (const args of [["shop"], ["groups/"], ["functions/a/versions/x"], ["--split-by", "moon"]]) {
    const { exitCode, stderr } = await run(home, ["metrics", ...args]);
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, /must be/);
  }
  assert.equal(asked.length, 0);
  const nothing = await run(home, ["metrics"]);
  assert.deepEqual([nothing.exitCode, nothing.stdout], [0, "nothing was counted\n"]);
});

test("top shows the busiest APIs and functions, with calls a second, errors and the slowest", async (t) => {
  const series = ({ metrics, splitBy }: QueryMetricsRequest) => {
    const names = splitBy[0] === MetricDimension.FUNCTION ? ["pets"] : ["getPet", ""];
    return names.flatMap((name, n) =>
      metrics.map((metric, i) => ({
        metric,
        ...(splitBy[0] === MetricDimension.FUNCTION
          ? { function: name }
          : { group: "shop", environment: "online", api: name }),
        points: i === 2 && n === 1 ? [] : [{ time, value: [600 / (n + 1), 0.5, 12.4][i]! }],
      })),
    );
  };
  const { asked, home } = await startMetrics(t, series);
  const { exitCode, stdout } = await run(home, ["top", "--minutes", "10"]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /API +CALLS\/S +CALLS +ERRORS +P99\nshop\/online getPet +1\.00 +600 +50\.00 % +~12 ms\n/);
  assert.match(stdout, /shop\/online \(no API\) +0\.50 +300 +50\.00 % +-\n/);
  assert.match(stdout, /FUNCTION .*\npets +1\.00 +600 +50\.00 % +~12 ms\n$/);
  assert.deepEqual(
    asked.map(({ step }) => step),
    [MetricStep.WHOLE, MetricStep.WHOLE],
  );
  const json = await run(home, ["top", "--limit", "1", "--output", "json"]);
  const { minutes, apis, functions } = JSON.parse(json.stdout);
  assert.deepEqual([minutes, apis.length, functions[0].name, apis[0].p99Ms], [5, 1, "pets", 12.4]);
});

test("on a terminal top looks again and again, and begins each time at its top", async (t) => {
  const { asked, home } = await startMetrics(t, () => {
    // Two questions to a look; the second look is refused.
    if (asked.length > 2) throw new PlatformError("permission_denied", "No more.", { reason: "permission_denied" });
    return [];
  });
  const { exitCode, stdout } = await run(home, ["top"], { isTTY: true });
  assert.equal(exitCode, 4);
  assert.ok(stdout.startsWith("\u001b[2J"));
  assert.ok(!stdout.includes("\u001b[3J"), "what was shown before stays to be scrolled to");
  assert.match(stdout, /the last 5 min of projects\/default\n\nno API was called\n\nno function was called\n$/);
});

test("top outlives a platform that is away for a moment", async (t) => {
  const { asked, home } = await startMetrics(t, () => {
    if (asked.length <= 2) throw new PlatformError("unavailable", "In a moment.", { reason: "overloaded" });
    throw new PlatformError("permission_denied", "No more.", { reason: "permission_denied" });
  });
  const { exitCode, stdout } = await run(home, ["top"], { isTTY: true });
  assert.equal(exitCode, 4);
  assert.match(stdout, /It is asked again\.\n$/);
  const once = await startMetrics(t, () => {
    throw new PlatformError("unavailable", "In a moment.", { reason: "overloaded" });
  });
  assert.notEqual((await run(once.home, ["top", "--once"], { isTTY: true })).exitCode, 0);
});
