import type { BusLog } from "@millrace/bus";
import { randomLabel } from "@millrace/names";
import { inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import { type Addresses, urlsOf } from "../deployments/deployment.ts";
import { LIMITS } from "../limits.ts";
import { insertAlarmEvent, supersedeDeliveries } from "./alarm-event-store.ts";
import { measureOf, totalsOf } from "./alarm-metric.ts";
import { step } from "./alarm-state.ts";
import { type Due, lockDue, putOff, saveStanding } from "./evaluation-store.ts";
import { type Change, changeBody } from "./notification.ts";

const MINUTE_MS = 60_000;
const { latenessMs, evaluationsAtOnceMax, deliveriesPendingMax } = LIMITS.alarm;

interface EvaluatorDeps {
  sql: Sql;
  addresses: Addresses;
  clock: () => Date;
  log: BusLog;
  stopping: AbortSignal;
}

/**
 * Evaluates each alarm once a minute, when the minute is complete. What a change says, and that somebody is to be told, is committed
 * with the change. Of one project one is evaluated at a time, by whichever process, so that sums over much keep nobody waiting but their
 * own. After a standstill the newest minute counts; those before it are not made up for.
 */
export class Evaluator {
  /** Since the process began. */
  readonly counts = { evaluated: 0, failed: 0 };
  /** How long after its time the newest evaluation was made; 0 once none is due. */
  overdueMs = 0;
  readonly #deps: EvaluatorDeps;
  readonly #workers = new Set<Promise<void>>();

  constructor(deps: EvaluatorDeps) {
    this.#deps = deps;
  }

  /** Begins what is due; does not wait for it. */
  async round(): Promise<void> {
    if (this.#workers.size >= evaluationsAtOnceMax) return;
    const worker = this.#work()
      .catch((err: unknown) => this.#deps.log.warn({ err }, "alarms could not be evaluated; it is tried again"))
      .finally(() => this.#workers.delete(worker));
    this.#workers.add(worker);
  }

  /** Until nothing is due, or in work. */
  async settled(): Promise<void> {
    while (this.#workers.size > 0) await Promise.all(this.#workers);
  }

  /** As long as there is something to do, others help. */
  async #work(): Promise<void> {
    while (!this.#deps.stopping.aborted && (await this.#next())) void this.round();
  }

  async #next(): Promise<boolean> {
    const { sql, clock, log } = this.#deps;
    const now = clock();
    let uid: string | undefined;
    try {
      const { due, busy } = await inTransaction(sql, async (tx) => {
        const found = await lockDue(tx, now);
        uid = found.due?.alarm.uid;
        if (found.due) await this.#evaluate(tx, found.due, now);
        return found;
      });
      if (!due) {
        // Alarms of the projects that are in work are due still.
        if (busy === 0) this.overdueMs = 0;
        return false;
      }
      this.counts.evaluated++;
      this.overdueMs = clock().getTime() - due.at.getTime();
      return true;
    } catch (err) {
      if (uid === undefined) throw err;
      this.counts.failed++;
      log.warn({ err, alarm: uid }, "an alarm could not be evaluated; its next minute is tried");
      const failed = uid;
      await query(() => putOff(sql, failed, nextAfter(newestMinute(now))));
      return true;
    }
  }

  async #evaluate(tx: Transaction, { alarm, standing, events }: Due, now: Date): Promise<void> {
    const { rule, target } = alarm;
    const to = newestMinute(now);
    const window = { from: new Date(to.getTime() - rule.windowMinutes * MINUTE_MS), to };
    const totals = await totalsOf(tx, target, window);
    const value = measureOf(rule, totals);
    const after = step(rule, standing, value, to);
    const changed = after.state !== standing.state;
    const saved = { value, changedAt: changed ? now : undefined, nextAt: nextAfter(to) };
    await saveStanding(tx, alarm.uid, after, saved);
    if (!changed) return;
    const states = { from: standing.state, to: after.state };
    await this.#tell(tx, alarm, { number: events + 1, ...states, at: now, value, calls: totals.count, window });
  }

  async #tell(tx: Transaction, alarm: Due["alarm"], change: Change): Promise<void> {
    const isTold = alarm.webhookUrl !== undefined && alarm.webhookGoneAt === undefined;
    const id = mintDeliveryId();
    const { target } = alarm;
    const url = target.kind === "deployment" ? urlsOf(target, this.#deps.addresses).hostUrl : undefined;
    const delivery = isTold ? { id, body: changeBody(alarm, change, id, url) } : undefined;
    await insertAlarmEvent(tx, alarm, change, delivery);
    if (isTold) await supersedeDeliveries(tx, alarm.uid, deliveriesPendingMax);
  }
}

export function mintDeliveryId(): string {
  return `dl-${randomLabel(20)}`;
}

/** End of the newest minute that counts as complete. */
function newestMinute(now: Date): Date {
  return new Date(Math.floor((now.getTime() - latenessMs) / MINUTE_MS) * MINUTE_MS);
}

/** When the minute after the one that ends at `to` counts as complete. */
function nextAfter(to: Date): Date {
  return new Date(to.getTime() + MINUTE_MS + latenessMs);
}
