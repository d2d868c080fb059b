import { ENVIRONMENTS, hostLabel } from "@millrace/names";
import { type Queryable, query, type Sql } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { getProject } from "../projects/project-store.ts";
import { notFound } from "../requests/refusals.ts";
import { METRICS, type MetricName, metricValue } from "./metric.ts";
import type { MetricQuestion } from "./metric-question.ts";
import { functionUidsOf, labelsOf } from "./target-store.ts";
import type { UsageKind } from "./usage.ts";
import { readUsage, type UsageNames, type UsageRow, type UsageTarget } from "./usage-store.ts";

/** What a series was split by; what it was not is empty. */
export interface SeriesNames {
  group: string;
  environment: string;
  api: string;
  keyId: string;
  function: string;
  version: number;
}

export interface Series {
  metric: MetricName;
  names: SeriesNames;
  points: { at: Date; value: number }[];
}

interface Resolved {
  target: UsageTarget;
  /** What columns say, in the words of the project. */
  namesOf(names: UsageNames): SeriesNames;
}

export class MetricService {
  readonly #sql: Sql;

  constructor(deps: { sql: Sql }) {
    this.#sql = deps.sql;
  }

  /** Throws `not_found` when the project, the group or the function is not there. */
  query(question: MetricQuestion): Promise<{ series: Series[]; truncated: boolean }> {
    return query(async () => {
      await getProject(this.#sql, question.project);
      const series: Series[] = [];
      let truncated = false;
      for (const kind of ["requests", "invocations"] as const) {
        const metrics = question.metrics.filter((name) => METRICS[name].of === kind);
        if (metrics.length === 0) continue;
        const answer = await this.#seriesOf(kind, metrics, question);
        series.push(...answer.series);
        truncated ||= answer.truncated;
      }
      return { series, truncated };
    });
  }

  async #seriesOf(kind: UsageKind, metrics: readonly MetricName[], question: MetricQuestion) {
    const { from, to, level, stepMs, apart, askedAt } = question;
    const { target, namesOf } = await resolve(this.#sql, kind, question);
    const steps = stepMs === undefined ? 1 : (to.getTime() - from.getTime()) / stepMs;
    const seriesMax = Math.max(1, Math.min(LIMITS.metricSeriesMax, Math.floor(LIMITS.metricPointsMax / steps)));
    const asked = { from, to, level, apart };
    const sums = await readUsage(this.#sql, target, { ...asked, limit: seriesMax + 1 });
    const busiest = sums.slice(0, seriesMax);
    const isSplit = apart.length > 0 && busiest.length > 0;
    const only = isSplit ? busiest.map(({ names }) => names) : undefined;
    const rows =
      stepMs === undefined
        ? busiest
        : await readUsage(this.#sql, target, { ...asked, stepMs, only, limit: steps * seriesMax });
    const window = { from, stepMs: stepMs ?? to.getTime() - from.getTime(), askedAt };
    const byName = Map.groupBy(rows, ({ names }) => JSON.stringify(names));
    const series = busiest.flatMap(({ names }) =>
      metrics.map((metric) => ({
        metric,
        names: namesOf(names),
        points: pointsOf(metric, byName.get(JSON.stringify(names)) ?? [], window),
      })),
    );
    return { series, truncated: sums.length > seriesMax };
  }
}

/** A step that has just begun is taken for a second, so that a call's end does not make crowds. */
const WINDOW_MS_MIN = 1_000;

/** What has not ended counts for the time that is over. */
function pointsOf(
  metric: MetricName,
  rows: readonly UsageRow[],
  { from, stepMs, askedAt }: { from: Date; stepMs: number; askedAt: Date },
) {
  return rows.flatMap(({ at = from, totals }) => {
    const windowMs = Math.min(stepMs, askedAt.getTime() - at.getTime());
    const value = metricValue(metric, totals, Math.max(WINDOW_MS_MIN, windowMs));
    return value === null ? [] : [{ at, value }];
  });
}

/** Only what the project has now: what had a name before is not its. */
async function resolve(sql: Queryable, kind: UsageKind, { project, target }: MetricQuestion): Promise<Resolved> {
  const nothing = { group: "", environment: "", api: "", keyId: "", function: "", version: 0 };
  if (kind === "invocations") {
    const ids = await functionUidsOf(sql, project, target.function);
    if (target.function !== "" && ids.size === 0) throw notFound("function", target.function);
    const version = target.version === 0 ? undefined : target.version;
    return {
      target: { kind, functionUids: [...ids.keys()], version },
      namesOf: ({ function_uid: uid, version: number }) => ({
        ...nothing,
        function: ids.get(String(uid)) ?? target.function,
        version: Number(number ?? target.version),
      }),
    };
  }
  const groups = await labelsOf(sql, project, target.group);
  if (target.group !== "" && groups.size === 0) throw notFound("group", target.group);
  const environments = ENVIRONMENTS.filter((one) => target.environment === "" || one === target.environment);
  const deployments = new Map(
    [...groups].flatMap(([label, group]) =>
      environments.map((environment) => [hostLabel(label, environment), { group, environment }] as const),
    ),
  );
  const { api, keyId } = target;
  return {
    target: { kind, hostLabels: [...deployments.keys()], api: api || undefined, keyId: keyId || undefined },
    namesOf: ({ host_label: label, api: ofApi, key_id: ofKey }) => ({
      ...nothing,
      group: target.group,
      environment: target.environment,
      ...deployments.get(String(label)),
      api: String(ofApi ?? api),
      keyId: String(ofKey ?? keyId),
    }),
  };
}
