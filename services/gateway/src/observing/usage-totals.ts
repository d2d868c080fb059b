import type { RequestUsage } from "@millrace/proto/invocation/v1/usage";
import { DURATION_BUCKETS, OTHER_SERIES } from "@millrace/telemetry";
import { USAGE_LIMITS } from "../limits.ts";

/** What the requests of one API of one deployment have come to since the gateway started. */
export interface ApiTotals {
  project: string;
  group: string;
  environment: string;
  api: string;
  /** By class of status, `2xx` to `5xx`, or `unanswered`. */
  classes: Record<string, number>;
  durationUs: number;
  durations: number[];
}

/** Sums minutes that are over into what `/metrics` shows. The APIs beyond the bound are summed as one. */
export class UsageTotals {
  readonly #byApi = new Map<string, ApiTotals>();
  /** The names of deployments by their host labels. */
  readonly #names = new Map<string, string>();

  know(hostLabel: string, name: string): void {
    if (this.#names.size < USAGE_LIMITS.apisShownMax) this.#names.set(hostLabel, name);
  }

  add(series: Iterable<RequestUsage>): void {
    for (const usage of series) addTo(this.#totalsOf(this.#byApi, usage), usage);
  }

  /** These, and what of a minute that runs is known so far. */
  with(series: Iterable<RequestUsage>): Iterable<ApiTotals> {
    const all = new Map(
      [...this.#byApi].map(([name, totals]) => {
        const copy = { ...totals, classes: { ...totals.classes }, durations: [...totals.durations] };
        return [name, copy];
      }),
    );
    for (const usage of series) addTo(this.#totalsOf(all, usage), usage);
    return all.values();
  }

  /** Who has a name of its own in `all` keeps it. */
  #totalsOf(all: Map<string, ApiTotals>, { hostLabel, api }: RequestUsage): ApiTotals {
    const name = `${hostLabel} ${api}`;
    const deployment = this.#names.get(hostLabel);
    const isOther = deployment === undefined || (!all.has(name) && all.size >= USAGE_LIMITS.apisShownMax);
    const key = isOther ? OTHER_SERIES : name;
    const totals = all.get(key) ?? emptyTotals(isOther ? undefined : deployment, isOther ? OTHER_SERIES : api);
    all.set(key, totals);
    return totals;
  }
}

function emptyTotals(deployment: string | undefined, api: string): ApiTotals {
  const [, project = OTHER_SERIES, , group = OTHER_SERIES, , environment = OTHER_SERIES] = deployment?.split("/") ?? [];
  const classes = { "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0, unanswered: 0 };
  const durations = new Array<number>(DURATION_BUCKETS).fill(0);
  return { project, group, environment, api, classes, durationUs: 0, durations };
}

function addTo(totals: ApiTotals, usage: RequestUsage): void {
  const { classes, durations } = totals;
  classes["2xx"]! += usage.status2xx;
  classes["3xx"]! += usage.status3xx;
  classes["4xx"]! += usage.status4xx;
  classes["5xx"]! += usage.status5xx;
  classes.unanswered! += usage.unanswered;
  totals.durationUs += usage.durationUs;
  usage.durations.forEach((count, at) => {
    durations[at]! += count;
  });
}
