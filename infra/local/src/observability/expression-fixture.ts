/** What a PromQL expression asks for, read well enough to hold it against the table of metrics. */
import { METRICS_TABLE, type MetricRow } from "@millrace/telemetry/metrics-table";

/** Prometheus itself gives these to every series that it scrapes. */
const SCRAPED = ["job", "instance", "service"];
const WORDS: ReadonlySet<string> = new Set(
  `sum max min avg count topk rate increase histogram_quantile clamp_min label_values by without and or unless on ignoring le`.split(
    " ",
  ),
);
const HISTOGRAM_PARTS = ["_bucket", "_sum", "_count"];
const SELECTOR = /([a-zA-Z_]\w*)\s*(?:\{([^}]*)\})?/g;
const MATCHER = /(\w+)\s*(?:=~|!~|!=|=)\s*"[^"]*"/g;

/** Everything in the expression that is not there, in words. `variables` are the dashboard's. */
export function faultsOf(expression: string, variables: readonly string[] = []): string[] {
  const faults: string[] = [];
  const labels = new Set(SCRAPED);
  const groupings = [...expression.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)];
  // Texts are looked at as matchers, and ranges say nothing of metrics.
  const bare = groupings.reduce((text, [whole]) => text.replace(whole, " "), expression).replace(/\[[^\]]*\]/g, " ");
  for (const [, name, matchers = ""] of bare.replace(/, *\w+\)$/, ")").matchAll(SELECTOR)) {
    if (WORDS.has(name!)) continue;
    const found = labelsOf(name!);
    if (!found) faults.push(`there is no metric ${name}`);
    for (const label of found ?? []) labels.add(label);
    for (const [, label] of matchers.matchAll(MATCHER)) {
      if (found && !found.includes(label!)) faults.push(`${name} has no label ${label}`);
    }
  }
  for (const [, name] of expression.matchAll(/\b(?:rate|increase)\(\s*(\w+)/g)) {
    if (METRICS_TABLE.some((row) => row.name === name && row.type === "gauge"))
      faults.push(`${name} does not only grow`);
  }
  for (const [, list] of groupings) {
    for (const label of list!.split(",").map((text) => text.trim())) {
      if (!labels.has(label)) faults.push(`nothing in it has the label ${label}`);
    }
  }
  for (const [, variable] of expression.matchAll(/\$(?!__)(\w+)/g)) {
    if (!variables.includes(variable!)) faults.push(`there is no variable ${variable}`);
  }
  return faults;
}

/** The labels of a series; undefined when there is none of that name. */
export function labelsOf(series: string): readonly string[] | undefined {
  if (series === "up") return SCRAPED;
  const row = METRICS_TABLE.find((one) => namesOf(one).includes(series));
  if (!row) return undefined;
  return [...SCRAPED, ...row.labels, ...(series === `${row.name}_bucket` ? ["le"] : [])];
}

function namesOf({ name, type }: MetricRow): string[] {
  return type === "histogram" ? HISTOGRAM_PARTS.map((part) => name + part) : [name];
}
