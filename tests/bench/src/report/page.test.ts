import assert from "node:assert/strict";
import { test } from "node:test";
import { SCENARIOS } from "../scenarios/mod.ts";
import { spreadOf } from "../statistics.ts";
import { RESULTS_FILE, readPage } from "./files.ts";
import { renderPage } from "./page.ts";
import { formatResults, type Machine, parseResults, readResults, withResult } from "./results.ts";

const MACHINE: Machine = { cpu: "Abacus", cores: 2, memoryGiB: 8, kernel: "6.1", node: "v26.0.0" };
const AT = new Date("2026-01-02T03:04:05Z");

const OVERLOAD = {
  goodputRatio: 0.95,
  rejectP50Ms: 7,
  goodput: spreadOf([0.94, 0.95, 0.96]),
  goodP50Ms: spreadOf([]),
  goodP99Ms: spreadOf([]),
  rejectMs: spreadOf([7]),
  rejectP99Ms: spreadOf([8]),
  answers: { 200: 14_000, 503: 46_000 },
  generatorCores: 0.1,
};

function hello(name: string, connections: number, rps: number) {
  const spread = { rps: spreadOf([rps]), p50Ms: spreadOf([1]), p99Ms: spreadOf([2]) };
  return { name, connections, rps, p50Ms: 1, p99Ms: 2, gatewayCpuUs: 30, cpuUs: { gateway: 30 }, spread, errors: 0 };
}

test("docs/reference/performance.md and its charts are what results.json makes: npm run bench -- --page", () => {
  const { markdown, charts } = renderPage(SCENARIOS, readResults(RESULTS_FILE));
  const there = readPage();
  assert.equal(there.markdown, markdown);
  assert.deepEqual(there.charts, Object.fromEntries(charts.map(({ file, svg }) => [file, svg])));
});

test("a number stands beside its target, and a missed one says so", () => {
  const { markdown } = renderPage(SCENARIOS, withResult(undefined, MACHINE, "overload", OVERLOAD, AT));
  assert.match(markdown, /\| goodput ÷ capacity \| 0\.95 \| ≥ 0\.9 \| {2}\| ok \|/);
  assert.match(markdown, /\| p50 of rejections \| 7\.00 ms \| < 5 ms \| {2}\| missed \|/);
  assert.match(markdown, /Measured on 2026-01-02 by `npm run bench -- overload`/);
});

test("what was not measured is said, never filled in", () => {
  const { markdown } = renderPage(SCENARIOS, undefined);
  for (const { name } of SCENARIOS)
    assert.ok(markdown.includes(`Not measured yet: \`npm run bench -- ${name}\``), name);
  const rows = [
    hello("millrace-hello", 64, 20_000),
    { name: "naive-pipe", connections: 64, rps: "n/a", p50Ms: "n/a", p99Ms: "n/a" },
  ];
  const page = renderPage(SCENARIOS, withResult(undefined, MACHINE, "rows", rows, AT));
  assert.match(page.markdown, /\| naive-pipe \| 64 \| n\/a \| n\/a \| n\/a \|/);
  assert.match(page.markdown, /`naive-pipe`, requests\/s at 64 connections \| n\/a \| ≥ 2\.5 \| 3 \| n\/a \|/);
});

test("a chart holds its numbers and no others", () => {
  const rows = [hello("bare-http", 64, 50_000), hello("millrace-hello", 64, 20_000), hello("millrace-hello", 1, 900)];
  const { charts } = renderPage(SCENARIOS, withResult(undefined, MACHINE, "rows", rows, AT));
  const { svg } = charts[0]!;
  assert.match(svg, />50,000</);
  assert.match(svg, />20,000</);
  assert.ok(!svg.includes(">900<") && !svg.includes("NaN"));
});

test("a scenario replaces its own result and leaves the others", () => {
  const first = withResult(undefined, MACHINE, "overload", OVERLOAD, AT);
  const later = new Date(AT.getTime() + 86_400_000);
  const second = withResult(withResult(first, MACHINE, "idleInstanceMiB", 5, AT), MACHINE, "idleInstanceMiB", 6, later);
  assert.deepEqual(second.overload, OVERLOAD);
  assert.equal(second.idleInstanceMiB, 6);
  assert.deepEqual(second.measuredAt, { overload: AT.toISOString(), idleInstanceMiB: later.toISOString() });
});

test("results of another machine are not mixed with this one's", () => {
  const elsewhere = withResult(undefined, { ...MACHINE, cores: 64 }, "overload", OVERLOAD, AT);
  const results = withResult(elsewhere, MACHINE, "idleInstanceMiB", 5, AT);
  assert.equal(results.overload, undefined);
  assert.deepEqual(Object.keys(results.measuredAt), ["idleInstanceMiB"]);
});

test("what was not measured comes back from the file as that, and whole numbers come back whole", () => {
  const results = withResult(
    undefined,
    MACHINE,
    "payloads",
    { p50Ms: Number.NaN, bytes: 16_777_216, ratio: 1 / 3 },
    AT,
  );
  assert.deepEqual(parseResults(formatResults(results)).payloads, {
    p50Ms: Number.NaN,
    bytes: 16_777_216,
    ratio: 0.333333,
  });
});
