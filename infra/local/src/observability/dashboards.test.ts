/** Dashboards, alert rules and what starts them say only what is there. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { repositoryRoot } from "../paths.ts";
import { faultsOf, labelsOf } from "./expression-fixture.ts";

const FOLDER = join(repositoryRoot, "infra/grafana");
const text = (file: string) => readFileSync(join(FOLDER, file), "utf8");

interface Panel {
  id: number;
  title: string;
  type: string;
  datasource?: { uid: string };
  targets?: { refId: string; expr: string; legendFormat?: string }[];
  gridPos: { x: number; y: number; w: number; h: number };
}
interface Dashboard {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: { name: string; query: string }[] };
}
interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: Record<string, string>;
}

const dashboards = readdirSync(join(FOLDER, "dashboards")).map((file): [string, Dashboard] => [
  file,
  JSON.parse(text(`dashboards/${file}`)),
]);
const { groups }: { groups: { name: string; rules: Rule[] }[] } = parse(text("rules.yaml"));
const rules = groups.flatMap((group) => group.rules);

for (const [file, { panels, templating }] of dashboards) {
  test(`every panel of ${file} asks for metrics and labels that there are`, () => {
    const variables = templating.list.map(({ name }) => name);
    const targets = panels.flatMap((panel) =>
      (panel.targets ?? []).map((target) => ({ title: panel.title, ...target })),
    );
    assert.ok(targets.length > 0);
    for (const { title, expr, legendFormat = "" } of targets) {
      assert.deepEqual(faultsOf(expr, variables), [], `${title}: ${expr}`);
      const grouped = [...expr.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/\s*,\s*/));
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert.ok(grouped.includes(label!), `${title}: ${label} is not among what it is summed by`);
      }
    }
    for (const { name, query } of templating.list) {
      const [, series, label] = /^label_values\((\w+)(?:\{.*\})?, (\w+)\)$/.exec(query) ?? [];
      assert.ok(labelsOf(series ?? "")?.includes(label ?? ""), `${name}: ${query}`);
      assert.deepEqual(faultsOf(query, variables), [], `${name}: ${query}`);
    }
  });

  test(`the panels of ${file} lie beside each other, and each has a number of its own`, () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x}/${y}`), `${title} lies over another panel`);
          taken.add(`${x}/${y}`);
        }
      }
    }
  });
}

test("every alert rule asks for what there is, is of a known severity, and says what to do", () => {
  assert.ok(rules.length > 0);
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, expr, labels, annotations } of rules) {
    assert.deepEqual(faultsOf(expr), [], alert);
    assert.match(labels.severity, /^(page|ticket)$/, alert);
    assert.ok(annotations.summary && annotations.action, alert);
    const kept = [...expr.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/\s*,\s*/));
    const told = [...annotations.summary!.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label!);
    for (const label of told) assert.ok(expr.startsWith("up") || kept.includes(label), `${alert}: ${label}`);
  }
});

test("a metric, label or variable that is none is found", () => {
  for (const [expression, fault] of [
    ["sum(rate(millrace_gateway_request_total[5m]))", "there is no metric millrace_gateway_request_total"],
    [
      "sum(rate(millrace_gateway_request_duration_seconds[5m]))",
      "there is no metric millrace_gateway_request_duration_seconds",
    ],
    ['millrace_gateway_requests_total{code="500"}', "millrace_gateway_requests_total has no label code"],
    ["sum by (api) (millrace_gateway_requests_total)", "nothing in it has the label api"],
    ['millrace_gateway_requests_total{status=~"$class"}', "there is no variable class"],
    ["sum(rate(millrace_gateway_runners[5m]))", "millrace_gateway_runners does not only grow"],
    ["sum(gateway_runners)", "there is no metric gateway_runners"],
  ] as const) {
    assert.deepEqual(faultsOf(expression), [fault], expression);
  }
});

test("the compose file mounts files that are there, shows nothing but Grafana, and that on loopback", () => {
  const { services } = parse(text("compose.yaml"), { merge: true }) as {
    services: Record<string, { volumes?: string[]; ports?: string[]; image?: string }>;
  };
  const { services: platform } = parse(readFileSync(join(repositoryRoot, "docker-compose.yml"), "utf8"), {
    merge: true,
  });
  for (const [name, { volumes = [], ports = [], image }] of Object.entries(services)) {
    for (const volume of volumes.filter((one) => one.startsWith("."))) {
      assert.ok(existsSync(join(repositoryRoot, volume.split(":")[0]!)), `${name}: ${volume}`);
    }
    if (image) assert.match(image, /:v?\d+\.\d+\.\d+$/, name);
    else assert.ok(platform[name], `${name} is of the platform's own`);
    assert.deepEqual(ports, name === "grafana" ? ["127.0.0.1:3000:3000"] : []);
  }
  const known = new Set([...Object.keys(services), ...Object.keys(platform)]);
  const { scrape_configs } = parse(text("prometheus.yaml"));
  for (const { targets, labels } of scrape_configs[0].static_configs) {
    const [target] = targets as [string];
    assert.equal(target, `${labels.service}:9090`);
    assert.ok(known.has(labels.service), target);
  }
  const { datasources } = parse(text("provisioning/datasources/millrace.yaml"));
  for (const { url } of datasources) assert.ok(known.has(new URL(url).hostname), url);
  const uids = new Set(datasources.map(({ uid }: { uid: string }) => uid));
  for (const [file, { panels }] of dashboards) {
    for (const { datasource, title } of panels) assert.ok(!datasource || uids.has(datasource.uid), `${file}: ${title}`);
  }
});
