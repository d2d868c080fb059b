import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { METRICS_TABLE, type MetricRow } from "./metrics-table.ts";

const FILE = join(import.meta.dirname, "../../../docs/reference/metrics.md");

const HEADER = `# Metrics

<!-- Made from libs/telemetry/src/metrics-table.ts by its test; UPDATE_REFERENCE=1 writes it anew. -->

What the processes show at \`/metrics\` of their operations port, and push over OTLP when \`OTEL_EXPORTER_OTLP_ENDPOINT\` or
\`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT\` is set (every 60 s, or \`OTEL_METRIC_EXPORT_INTERVAL\` milliseconds; there without the prefix \`millrace_\`). A gateway shows 300
APIs and a runner 500 functions; what is beyond is summed under \`(other)\`. What providers see of their own projects is in [project metrics](project-metrics.md).
`;

function sectionOf(title: string, rows: readonly MetricRow[]): string {
  const lines = rows.map(({ name, type, unit, labels, meaning, when }) => {
    const named = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${unit} | ${named} | ${meaning}${when ? `; ${when}` : ""} |`;
  });
  return `\n## ${title}\n\n| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n${lines.join("\n")}\n`;
}

test("docs/reference/metrics.md says what the table says", async () => {
  const byServices = Map.groupBy(METRICS_TABLE, ({ services }) =>
    services.length > 2 ? "Every process" : services.join(" and "),
  );
  const text = HEADER + [...byServices].map(([title, rows]) => sectionOf(title, rows)).join("");
  if (process.env.UPDATE_REFERENCE === "1") await writeFile(FILE, text);
  assert.equal(await readFile(FILE, "utf8"), text, `UPDATE_REFERENCE=1 writes ${FILE} anew`);
});

test("names are as Prometheus would have them, and there once", () => {
  const names = METRICS_TABLE.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, type, unit } of METRICS_TABLE) {
    assert.match(name, /^millrace_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    if (unit !== "") assert.ok(name.includes(`_${unit}`) || name.includes("_bytes_"), name);
  }
});
