import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { hostLabel } from "@millrace/names";
import {
  MetricDimension,
  MetricServiceService,
  MetricStep,
  MetricTarget,
  type QueryMetricsRequest,
  type QueryMetricsResponse,
} from "@millrace/proto/control/v1/metrics";
import { inTransaction } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { createFunction, createGroup, createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";
import { METRICS, type Metric } from "./metric.ts";
import { DURATION_COLUMNS, USAGE, type UsageKind } from "./usage.ts";
import { type MinuteRow, putMinutes } from "./usage-store.ts";

const { client, database, app, clock } = await startControlPlane({ after });
const { sql } = database;
const NOW = new Date("2026-11-20T12:30:30Z");
clock.now = NOW;
const minutesAgo = (n: number) => new Date(Math.floor(NOW.getTime() / 60_000) * 60_000 - n * 60_000);

type Asked = Partial<Omit<QueryMetricsRequest, "target">> & { target?: Partial<MetricTarget> };

function ask(project: string, { target, ...asked }: Asked, token = "ada"): Promise<QueryMetricsResponse> {
  const request: QueryMetricsRequest = {
    parent: `projects/${project}`,
    metrics: ["requests"],
    start: undefined,
    end: undefined,
    step: MetricStep.UNSPECIFIED,
    splitBy: [],
    ...asked,
    target: target && MetricTarget.fromPartial(target),
  };
  return client.call(MetricServiceService.queryMetrics, request, { token });
}

const valuesOf = ({ series }: QueryMetricsResponse) =>
  series.map(({ metric, points }) => [metric, ...points.map(({ value }) => value)]);

async function put(kind: UsageKind, ...rows: Record<string, string | number | Date>[]): Promise<void> {
  const shape = USAGE[kind];
  const empty = Object.fromEntries([...shape.sums, ...shape.peaks, ...DURATION_COLUMNS].map((column) => [column, 0]));
  const names = kind === "requests" ? { api: "", key_id: "" } : { version: 1 };
  const whole = rows.map((row) => ({
    ...empty,
    ...names,
    at: minutesAgo(1),
    [shape.source]: "one",
    epoch: 1,
    number: 1,
    ...row,
  })) as unknown as MinuteRow[];
  await inTransaction(sql, (tx) => putMinutes(tx, kind, whole));
}

/** A project with a group and a function, and how its series are named. */
async function projectOf(id: string, token = "ada"): Promise<{ online: string; test: string; uid: string }> {
  await createProject(client, id, { token });
  if (token === "ada") {
    await createGroup(client, id, "shop");
    await createFunction(client, id, "pets");
  }
  const [group] = await sql<{ label: string }[]>`select label from api_groups where project = ${id}`;
  const [fn] = await sql<{ uid: string }[]>`select uid from functions where project = ${id}`;
  const label = group?.label ?? "";
  return { online: hostLabel(label, "online"), test: hostLabel(label, "test"), uid: fn?.uid ?? "" };
}

test("metrics of requests and of functions are answered by minutes, where there were any", async () => {
  const { online, uid } = await projectOf("minutes");
  const counts = { count: 10, status_2xx: 8, status_5xx: 2, duration_us: 50_000, within_5: 10 };
  await put("requests", { host_label: online, ...counts }, { host_label: online, count: 4, at: minutesAgo(3) });
  await put("invocations", { function_uid: uid, count: 6, timeouts: 3, duration_us: 120e6, memory_kib_max: 1 });
  const metrics = ["requests", "error_rate", "latency_mean", "latency_p50"];
  const answer = await ask("minutes", { metrics });
  assert.deepEqual(valuesOf(answer), [
    ["requests", 4, 10],
    ["error_rate", 0, 0.2],
    ["latency_mean", 0, 5],
    ["latency_p50", 4],
  ]);
  assert.equal(answer.step, MetricStep.MINUTE);
  assert.deepEqual(
    answer.series[0]!.points.map(({ time }) => time),
    [minutesAgo(3), minutesAgo(1)],
  );
  assert.deepEqual([answer.start, answer.end], [minutesAgo(60), minutesAgo(-1)]);
  const both = await ask("minutes", {
    metrics: ["requests", "invocation_error_rate", "concurrency", "memory_max"],
    step: MetricStep.WHOLE,
    start: minutesAgo(4),
    end: minutesAgo(0),
  });
  assert.deepEqual(valuesOf(both), [
    ["requests", 14],
    ["invocation_error_rate", 0.5],
    ["concurrency", 0.5],
    ["memory_max", 1_024],
  ]);
});

test("a target narrows what is counted, and what is split comes busiest first", async () => {
  const { online, test: testing, uid } = await projectOf("split");
  await put(
    "requests",
    { host_label: online, api: "a", count: 1 },
    { host_label: online, api: "b", count: 5, key_id: "AK00000001" },
    { host_label: testing, api: "a", count: 3 },
  );
  await put("invocations", { function_uid: uid, count: 1 }, { function_uid: uid, version: 2, count: 2 });
  const whole = { step: MetricStep.WHOLE };
  const countOf = async (target: Partial<MetricTarget>, metrics = ["requests"]) =>
    valuesOf(await ask("split", { ...whole, target, metrics }))[0]?.[1];
  assert.equal(await countOf({ group: "shop" }), 9);
  assert.equal(await countOf({ group: "shop", environment: "online" }), 6);
  assert.equal(await countOf({ api: "a" }), 4);
  assert.equal(await countOf({ keyId: "AK00000001" }), 5);
  assert.equal(await countOf({ keyId: "AK99999999" }), undefined);
  assert.equal(await countOf({ function: "pets" }, ["invocations"]), 3);
  assert.equal(await countOf({ function: "pets", version: 2 }, ["invocations"]), 2);

  const { DEPLOYMENT, API, KEY, FUNCTION, VERSION } = MetricDimension;
  const split = await ask("split", { splitBy: [DEPLOYMENT, API], target: { group: "shop" } });
  assert.deepEqual(
    split.series.map(({ group, environment, api, keyId, points }) => [
      group,
      environment,
      api,
      keyId,
      points[0]!.value,
    ]),
    [
      ["shop", "online", "b", "", 5],
      ["shop", "test", "a", "", 3],
      ["shop", "online", "a", "", 1],
    ],
  );
  const keys = await ask("split", { ...whole, splitBy: [KEY] });
  assert.deepEqual(
    keys.series.map(({ keyId, points }) => [keyId, points[0]!.value]),
    [
      ["AK00000001", 5],
      ["", 4],
    ],
  );
  const versions = await ask("split", { metrics: ["invocations"], splitBy: [FUNCTION, VERSION] });
  assert.deepEqual(
    versions.series.map(({ function: id, version, points }) => [id, version, points[0]!.value]),
    [
      ["pets", 2, 2],
      ["pets", 1, 1],
    ],
  );
});

test("hours and days are chosen for longer times, and are there after the upkeep", async () => {
  const { online } = await projectOf("longer");
  await put("requests", { host_label: online, count: 7 }, { host_label: online, count: 2, at: minutesAgo(24 * 60) });
  await app.turnUsage();
  const hoursAgo = (n: number) => new Date(NOW.getTime() - n * 3_600_000);
  for (const [hours, step, values] of [
    [6, MetricStep.MINUTE, [7]],
    [7, MetricStep.HOUR, [7]],
    [7 * 24, MetricStep.HOUR, [2, 7]],
    [8 * 24, MetricStep.DAY, [2, 7]],
  ] as const) {
    const answer = await ask("longer", { start: hoursAgo(hours) });
    assert.deepEqual([answer.step, valuesOf(answer)], [step, [["requests", ...values]]], `${hours} hours`);
  }
  const old = await ask("longer", { start: hoursAgo(101 * 24), end: hoursAgo(100 * 24) });
  assert.equal(old.step, MetricStep.DAY, "smaller steps are not kept so long");
});

test("calls that ran at a time are those of the part of a step that is over", async () => {
  const { uid } = await projectOf("current");
  // Half of the minute is over, and half an hour of the hour.
  await put("invocations", { function_uid: uid, at: minutesAgo(0), count: 1, duration_us: 60e6 });
  await app.turnUsage();
  const concurrency = async (asked: Asked) =>
    valuesOf(await ask("current", { metrics: ["concurrency"], start: minutesAgo(0), ...asked }));
  assert.deepEqual(await concurrency({ step: MetricStep.MINUTE }), [["concurrency", 2]]);
  assert.deepEqual(await concurrency({ step: MetricStep.WHOLE }), [["concurrency", 2]]);
  const [[, hour] = []] = await concurrency({ step: MetricStep.HOUR });
  assert.ok(Math.abs(Number(hour) - 60 / 1_830) < 1e-9, String(hour));
});

test("of too many series the busiest are shown, and the answer says so", async () => {
  const { online } = await projectOf("crowd");
  const many = LIMITS.metricSeriesMax + 1;
  await put(
    "requests",
    ...Array.from({ length: many }, (_, n) => ({ host_label: online, key_id: `k${n}`, count: n + 1 })),
  );
  const answer = await ask("crowd", { splitBy: [MetricDimension.KEY] });
  assert.deepEqual([answer.series.length, answer.truncated], [LIMITS.metricSeriesMax, true]);
  assert.deepEqual([answer.series[0]!.keyId, answer.series.at(-1)!.keyId], [`k${many - 1}`, "k1"]);
});

test("each fault of a question is named", async () => {
  const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000);
  await projectOf("faulty");
  const cases: [Asked, string[]][] = [
    [{ metrics: [] }, ["metrics"]],
    [{ metrics: Array.from({ length: LIMITS.metricsMax + 1 }, () => "requests") }, ["metrics"]],
    [{ metrics: ["requests", "speed", "toString"] }, ["metrics[1]", "metrics[2]"]],
    [{ metrics: ["requests"], target: { function: "pets" } }, ["metrics[0]"]],
    [{ metrics: ["timeouts"], target: { group: "shop" } }, ["metrics[0]"]],
    [{ target: { environment: "online" } }, ["target.environment"]],
    [{ target: { group: "shop", environment: "live" } }, ["target.environment"]],
    [{ target: { group: "a b" } }, ["target.group"]],
    [{ target: { keyId: "short" } }, ["target.key_id"]],
    [{ target: { version: 1 } }, ["target.version"]],
    [{ metrics: ["timeouts"], target: { function: "pets", version: -1 } }, ["target.version"]],
    [{ metrics: ["timeouts"], target: { function: "pets", api: "a" } }, ["target.function"]],
    [{ splitBy: [MetricDimension.FUNCTION] }, ["split_by[0]"]],
    [{ splitBy: [MetricDimension.UNSPECIFIED] }, ["split_by[0]"]],
    [{ start: NOW, end: NOW }, ["start"]],
    [{ end: new Date("9999-12-31T23:59:59Z") }, ["end"]],
    [{ start: new Date(NOW.getTime() - 401 * 86_400_000) }, ["start"]],
    [{ start: minutesAgo(LIMITS.metricStepsMax), step: MetricStep.MINUTE }, ["step"]],
    [{ start: daysAgo(3.1), end: daysAgo(3), step: MetricStep.MINUTE }, ["step"]],
    [{ start: daysAgo(60.1), end: daysAgo(60), step: MetricStep.HOUR }, ["step"]],
  ];
  for (const [asked, fields] of cases) await refusedFields(ask("faulty", asked), fields);
  const most = { start: minutesAgo(LIMITS.metricStepsMax - 1), step: MetricStep.MINUTE };
  assert.equal((await ask("faulty", most)).series.length, 0);
  const kept = { start: daysAgo(3), end: daysAgo(2.9), step: MetricStep.MINUTE };
  assert.equal((await ask("faulty", kept)).series.length, 0);
});

test("a project's numbers are its members' alone, and not those of who had its names before", async () => {
  const { online, uid } = await projectOf("mine");
  await put("requests", { host_label: online, count: 5 });
  await put("invocations", { function_uid: uid, count: 5 });
  await projectOf("theirs", "eve");
  const whole = { step: MetricStep.WHOLE };
  await refused(ask("mine", whole, "eve"), "not_found", "project_not_found");
  await refused(ask("theirs", whole, "ada"), "not_found", "project_not_found");
  await refused(ask("theirs", { target: { group: "shop" } }, "eve"), "not_found", "group_not_found");
  const ofFunction = { metrics: ["invocations"], target: { function: "pets" } };
  await refused(ask("theirs", ofFunction, "eve"), "not_found", "function_not_found");
  assert.deepEqual(valuesOf(await ask("theirs", { metrics: ["requests", "invocations"] }, "eve")), []);
  await sql`delete from api_groups where project = 'mine'`;
  await createGroup(client, "mine", "shop");
  assert.deepEqual(valuesOf(await ask("mine", { target: { group: "shop" } })), []);
});

test("docs/reference/project-metrics.md says what the table says", async () => {
  const file = join(import.meta.dirname, "../../../../docs/reference/project-metrics.md");
  const rowsOf = (kind: UsageKind) =>
    Object.entries<Metric>(METRICS)
      .filter(([, { of }]) => of === kind)
      .map(([name, { unit, meaning }]) => `| \`${name}\` | ${unit} | ${meaning} |`)
      .join("\n");
  const text = `# Project metrics

<!-- Made from services/control-plane/src/metrics/metric.ts by metric.test.ts; UPDATE_REFERENCE=1 writes it anew. -->

What \`millrace metrics\`, \`MetricService.QueryMetrics\` and alarms can ask. Numbers without a unit are counts. A share or a duration of nothing has no value.
Percentiles are taken of a histogram: they lie within the bucket of the true value, and buckets are 1.2 to 3 times as long as the one before.

## Of requests: a project, group, deployment, API or key

| name | unit | meaning |
|---|---|---|
${rowsOf("requests")}

## Of functions: a project, function or version

| name | unit | meaning |
|---|---|---|
${rowsOf("invocations")}
`;
  if (process.env.UPDATE_REFERENCE === "1") await writeFile(file, text);
  assert.equal(await readFile(file, "utf8"), text, `UPDATE_REFERENCE=1 writes ${file} anew`);
});
