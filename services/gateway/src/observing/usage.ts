import { type RequestUsage, UsageBatch } from "@millrace/proto/invocation/v1/usage";
import { bucketOf, DURATION_BUCKETS, OTHER_SERIES, UsageMinutes } from "@millrace/telemetry";
import { USAGE_LIMITS } from "../limits.ts";
import type { PlannedRoute } from "../releases/deployment-plan.ts";
import type { Deployment } from "../releases/deployments.ts";
import type { AccessLogLine } from "./access-log.ts";
import { UsageTotals } from "./usage-totals.ts";

/** What of a request is counted. */
export type CountedLine = Pick<AccessLogLine, "status" | "reason" | "component" | "keyId" | "bytesIn" | "bytesOut">;

/**
 * Counts requests by minute, deployment, API and key. Which series a request belongs to is known after two look-ups: by its route, which
 * belongs to one deployment, and its key. Beyond the bound, keys are counted together, then APIs, and in the end nothing but that something
 * was left out.
 */
export class Usage {
  readonly #minutes: UsageMinutes<RequestUsage>;
  readonly #totals = new UsageTotals();
  /** Of this minute, by the route, or the deployment where none was found. */
  readonly #byRoute = new Map<object, Map<string, RequestUsage>>();
  #beyondBound = 0;

  constructor(deps: {
    nowMs: () => number;
    publish: (bytes: Uint8Array) => Promise<void>;
    log: { warn(fields: object, message: string): void };
  }) {
    this.#minutes = new UsageMinutes({
      nowMs: deps.nowMs,
      onOutage: (err) =>
        deps.log.warn({ err }, "the bus takes no counts; they are told again, for half an hour at most"),
      sizeOf: ({ count }) => count,
      tell: ({ series, ...word }) =>
        deps.publish(UsageBatch.encode({ ...word, requests: [...series], invocations: [] }).finish()),
      onOver: (series) => {
        this.#totals.add(series);
        this.#byRoute.clear();
      },
    });
  }

  /** Requests that no series was left for, and series that nobody took. */
  get dropped(): number {
    return this.#beyondBound + this.#minutes.dropped;
  }

  /** What has been counted since the start, by deployment and API. */
  totals() {
    return this.#totals.with(this.#minutes.series);
  }

  count(deployment: Deployment, route: PlannedRoute | null, line: CountedLine, durationMs: number): void {
    this.#minutes.turn();
    const usage = this.#byRoute.get(route ?? deployment)?.get(line.keyId) ?? this.#open(deployment, route, line.keyId);
    if (usage === null) {
      this.#beyondBound++;
      return;
    }
    const { status, reason } = line;
    usage.count++;
    if (status < 200) usage.unanswered++;
    else if (status < 300) usage.status2xx++;
    else if (status < 400) usage.status3xx++;
    else if (status < 500) usage.status4xx++;
    else usage.status5xx++;
    if (status === 429) usage.limited++;
    if (reason !== "" && reason !== "caller_gone") countFailure(usage, line.component);
    usage.bytesIn += line.bytesIn;
    usage.bytesOut += line.bytesOut;
    usage.durationUs += Math.round(durationMs * 1_000);
    usage.durations[bucketOf(durationMs)]!++;
  }

  #open(deployment: Deployment, route: PlannedRoute | null, keyId: string): RequestUsage | null {
    const { hostLabel, name } = deployment;
    this.#totals.know(hostLabel, name);
    const usage = this.#seriesOf(hostLabel, route?.apiName ?? "", keyId);
    if (usage === null) return null;
    const of = route ?? deployment;
    const byKey = this.#byRoute.get(of) ?? new Map<string, RequestUsage>();
    this.#byRoute.set(of, byKey);
    if (byKey.size < USAGE_LIMITS.seriesMax) byKey.set(keyId, usage);
    return usage;
  }

  #seriesOf(hostLabel: string, api: string, keyId: string): RequestUsage | null {
    const { seriesMax, seriesOfOtherKeysMax, seriesOfOtherApisMax } = USAGE_LIMITS;
    const withKeys = seriesMax + seriesOfOtherKeysMax;
    return (
      this.#within(seriesMax, hostLabel, api, keyId) ??
      this.#within(withKeys, hostLabel, api, OTHER_SERIES) ??
      this.#within(withKeys + seriesOfOtherApisMax, hostLabel, OTHER_SERIES, OTHER_SERIES)
    );
  }

  #within(bound: number, hostLabel: string, api: string, keyId: string): RequestUsage | null {
    const name = `${hostLabel} ${api} ${keyId}`;
    const known = this.#minutes.find(name);
    if (known) return known;
    return this.#minutes.size < bound ? this.#minutes.add(name, emptyUsage(hostLabel, api, keyId)) : null;
  }

  start(): void {
    this.#minutes.start();
  }

  /** Tells what has changed; never two at once. */
  tell(): Promise<void> {
    return this.#minutes.tell();
  }

  /** Tells what it has, for a moment at most. */
  close(): Promise<void> {
    return this.#minutes.close();
  }
}

function countFailure(usage: RequestUsage, component: string): void {
  if (component === "function") usage.failedFunction++;
  else if (component === "gateway") usage.failedGateway++;
  else if (component === "dispatch") usage.failedDispatch++;
  else if (component === "backend") usage.failedBackend++;
  else usage.failedRunner++;
}

function emptyUsage(hostLabel: string, api: string, keyId: string): RequestUsage {
  return {
    hostLabel,
    api,
    keyId,
    count: 0,
    status2xx: 0,
    status3xx: 0,
    status4xx: 0,
    status5xx: 0,
    unanswered: 0,
    limited: 0,
    failedGateway: 0,
    failedDispatch: 0,
    failedRunner: 0,
    failedFunction: 0,
    failedBackend: 0,
    bytesIn: 0,
    bytesOut: 0,
    durationUs: 0,
    durations: new Array<number>(DURATION_BUCKETS).fill(0),
  };
}
