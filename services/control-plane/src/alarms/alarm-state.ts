import type { AlarmState, Rule } from "./alarm.ts";
import { breaches } from "./alarm-metric.ts";

/*
 * How an alarm stands, as a machine without a clock: each minute has a verdict, and enough of one verdict in a row make its state.
 *
 *   breached × alarmAfter ─▶ alarm        kept × okAfter ─▶ ok        missing × alarmAfter ─▶ no_data
 *
 * Minutes that nobody evaluated are not known, so after a gap the counting begins anew.
 */

const MINUTE_MS = 60_000;

export type Verdict = "breached" | "kept" | "missing";

export interface Standing {
  state: AlarmState;
  verdict: Verdict | undefined;
  /** How many of the verdict in a row; never more than are needed. */
  verdictCount: number;
  /** End of the newest window. */
  evaluatedTo: Date | undefined;
}

type Thresholds = Pick<Rule, "comparison" | "threshold" | "alarmAfter" | "okAfter" | "missingData">;

const STATES: Readonly<Record<Verdict, AlarmState>> = { breached: "alarm", kept: "ok", missing: "no_data" };

/** The standing after the window that ends at `to`, whose value is undefined when it had no data. */
export function step(rule: Thresholds, before: Standing, value: number | undefined, to: Date): Standing {
  const verdict = verdictOf(rule, value);
  const follows = before.evaluatedTo === undefined || to.getTime() - before.evaluatedTo.getTime() <= MINUTE_MS;
  const counted = follows ? before : { verdict: undefined, verdictCount: 0 };
  if (verdict === undefined) return { ...before, ...pick(counted), evaluatedTo: to };
  const needed = verdict === "kept" ? rule.okAfter : rule.alarmAfter;
  const inRow = verdict === counted.verdict ? counted.verdictCount + 1 : 1;
  return {
    state: inRow >= needed ? STATES[verdict] : before.state,
    verdict,
    verdictCount: Math.min(inRow, needed),
    evaluatedTo: to,
  };
}

/** Undefined: this window says nothing. */
function verdictOf(rule: Thresholds, value: number | undefined): Verdict | undefined {
  if (value !== undefined) return breaches(rule, value) ? "breached" : "kept";
  return ({ keep: undefined, no_data: "missing", ok: "kept", alarm: "breached" } as const)[rule.missingData];
}

function pick({ verdict, verdictCount }: Pick<Standing, "verdict" | "verdictCount">) {
  return { verdict, verdictCount };
}
