import type { BusLog } from "@millrace/bus";
import { PlatformError } from "@millrace/errors";
import type { MasterKeyring } from "@millrace/sealing";
import { inTransaction, query, type Sql } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { Places } from "../requests/places.ts";
import type { Alarm } from "./alarm.ts";
import { type Claim, claimDelivery, failDeliveries, settleAttempt } from "./alarm-event-store.ts";
import { findWebhook, sealedSecrets, switchOffWebhook } from "./alarm-store.ts";
import { type Attempt, verdictOf } from "./delivery.ts";
import { mintDeliveryId } from "./evaluator.ts";
import { testBody } from "./notification.ts";
import type { WebhookClient } from "./webhook-client.ts";
import { secretContext, signatureHeader } from "./webhook-signature.ts";

const { attemptLostMs, deliveries, deliveryAgeMaxMs } = LIMITS.alarm;

interface DelivererDeps {
  sql: Sql;
  webhooks: WebhookClient;
  keyring: Pick<MasterKeyring, "open">;
  clock: () => Date;
  /** From 0 to below 1. */
  random: () => number;
  log: BusLog;
  stopping: AbortSignal;
}

/**
 * Makes the attempts that are due, so many at once and of one project, so that slow receivers keep nobody waiting but their own. A
 * process that ends in the middle of an attempt leaves it to be found again; what a receiver gets twice has the same delivery id.
 */
export class Deliverer {
  /** Attempts by what became of the delivery, since the process began. */
  readonly counts = { delivered: 0, pending: 0, failed: 0 };
  readonly #deps: DelivererDeps;
  readonly #places = new Places(deliveries);
  readonly #underWay = new Set<Promise<void>>();

  constructor(deps: DelivererDeps) {
    this.#deps = deps;
  }

  /** Begins what is due and fits; does not wait for receivers. */
  async round(): Promise<void> {
    const { sql, clock, stopping } = this.#deps;
    while (!this.#places.isFull && !stopping.aborted) {
      const now = clock();
      const lostAt = new Date(now.getTime() + attemptLostMs);
      const except = this.#places.fullHolders();
      const claim = await query(() => claimDelivery(sql, { now, lostAt, except }));
      if (!claim) return;
      const leave = this.#places.enter(claim.project);
      // A test may have taken the last place meanwhile: the attempt has begun, and no other does.
      this.#begin(claim, leave ?? (() => {}));
      if (!leave) return;
    }
  }

  get underWay(): number {
    return this.#places.taken;
  }

  /** Until nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Sends a test, once. Throws `resource_exhausted` deliveries_busy. */
  async test(alarm: Alarm, url: string): Promise<Attempt & { deliveryId: string; durationMs: number }> {
    const leave = this.#places.enter(alarm.project);
    if (!leave) {
      const message = `At most ${deliveries.ofOneMax} deliveries of a project are under way at once; try again in a moment.`;
      throw new PlatformError("resource_exhausted", message, { reason: "deliveries_busy" });
    }
    try {
      const deliveryId = mintDeliveryId();
      const startedAt = performance.now();
      const attempt = await this.#send({
        uid: alarm.uid,
        url,
        deliveryId,
        body: testBody(alarm, deliveryId, this.#deps.clock()),
      });
      return { ...attempt, deliveryId, durationMs: Math.round(performance.now() - startedAt) };
    } finally {
      leave();
    }
  }

  #begin(claim: Claim, leave: () => void): void {
    const attempt = this.#attempt(claim)
      .catch((err: unknown) => this.#deps.log.warn({ err, alarm: claim.alarmUid }, "a delivery is tried again"))
      .finally(() => {
        leave();
        this.#underWay.delete(attempt);
      });
    this.#underWay.add(attempt);
  }

  async #attempt(claim: Claim): Promise<void> {
    const { sql, clock, random } = this.#deps;
    const { alarmUid: uid, deliveryId, body, at } = claim;
    const url = await query(() => findWebhook(sql, uid));
    const isOld = clock().getTime() - at.getTime() > deliveryAgeMaxMs;
    if (url === undefined || isOld) {
      const error = url === undefined ? "no_webhook" : "expired";
      await query(() => settleAttempt(sql, claim, { state: "failed", error, isGone: false }, 0));
      this.counts.failed++;
      return;
    }
    const attempt = await this.#send({ uid, url, deliveryId, body });
    const now = clock();
    const verdict = verdictOf(attempt, claim, now, random());
    await inTransaction(sql, async (tx) => {
      // The alarm before its events, as whoever changes or evaluates it locks them.
      const isOff = verdict.state === "failed" && verdict.isGone && (await switchOffWebhook(tx, uid, url, now));
      await settleAttempt(tx, claim, verdict, attempt.status);
      if (isOff) await failDeliveries(tx, uid, "gone");
    });
    this.counts[verdict.state]++;
  }

  async #send(delivery: { uid: string; url: string; deliveryId: string; body: string }): Promise<Attempt> {
    const { sql, webhooks, keyring, clock, stopping } = this.#deps;
    const { uid, url, deliveryId, body } = delivery;
    const now = clock();
    const sealed = await query(() => sealedSecrets(sql, uid, now));
    const secrets = sealed.map((bytes) => keyring.open(bytes, secretContext(uid)).toString());
    const signature = signatureHeader(secrets, body, now);
    return webhooks.send({ url, deliveryId, body, signature }, stopping);
  }
}
