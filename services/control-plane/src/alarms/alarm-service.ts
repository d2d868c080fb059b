import { PlatformError } from "@millrace/errors";
import { type Environment, randomLabel } from "@millrace/names";
import { checkEtag, etagOf, noteCall } from "@millrace/rpc";
import type { MasterKeyring } from "@millrace/sealing";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import { lockFunction } from "../functions/function-store.ts";
import { lockGroup } from "../groups/group-store.ts";
import { LIMITS, QUOTAS } from "../limits.ts";
import { getProject, lockProject } from "../projects/project-store.ts";
import { checkQuota } from "../requests/refusals.ts";
import { Violations } from "../requests/violations.ts";
import type { Alarm, Target } from "./alarm.ts";
import { type AlarmDraft, type AskedRule, checkDraft, settledRule } from "./alarm-draft.ts";
import { type AlarmEvent, failDeliveries, listAlarmEvents } from "./alarm-event-store.ts";
import * as store from "./alarm-store.ts";
import type { Deliverer } from "./deliverer.ts";
import { mintSecret, secretContext } from "./webhook-signature.ts";

interface AlarmServiceDeps {
  sql: Sql;
  keyring: Pick<MasterKeyring, "seal">;
  deliverer: Deliverer;
  clock: () => Date;
}

export class AlarmService {
  readonly #deps: AlarmServiceDeps;

  constructor(deps: AlarmServiceDeps) {
    this.#deps = deps;
  }

  /** A repeated request answers the same alarm, and no secret. */
  async create(
    project: string,
    id: string,
    draft: AlarmDraft & { rule: AskedRule },
    once: IdempotentRequest,
  ): Promise<{ alarm: Alarm; secret: string }> {
    checkDraft(project, draft);
    const { sql, clock } = this.#deps;
    const secret = mintSecret();
    return inTransaction(sql, async (tx) => {
      const { resource, repeated } = await createOnce(tx, once, async () => {
        await lockProject(tx, project);
        checkQuota("alarms", await store.countAlarms(tx, project), QUOTAS.alarmsPerProject);
        const uid = `al-${randomLabel(12)}`;
        await store.insertAlarm(tx, {
          uid,
          project,
          id,
          description: draft.description ?? "",
          target: await targetOf(tx, project, draft.rule),
          rule: settledRule(draft.rule),
          webhookUrl: draft.webhookUrl || undefined,
          sealedSecret: this.#seal(uid, secret),
          now: clock(),
        });
        return id;
      });
      const alarm = await store.getAlarm(tx, project, resource);
      noteCall({ after: etagOf(alarm.version) });
      return { alarm, secret: repeated ? "" : secret };
    });
  }

  get(project: string, id: string): Promise<Alarm> {
    return query(() => store.getAlarm(this.#deps.sql, project, id));
  }

  list(project: string, after: string, limit: number): Promise<Alarm[]> {
    return query(async () => {
      await getProject(this.#deps.sql, project);
      return store.listAlarms(this.#deps.sql, { project, after, limit });
    });
  }

  update(project: string, id: string, draft: AlarmDraft, etag: string): Promise<Alarm> {
    checkDraft(project, draft);
    const { description, rule, webhookUrl } = draft;
    return inTransaction(this.#deps.sql, async (tx) => {
      // Before the alarm, as whoever deletes the target locks them.
      const target = rule && (await targetOf(tx, project, rule));
      const { uid, version } = await store.lockAlarm(tx, project, id);
      checkEtag(etag, etagOf(version));
      if (description !== undefined) await store.updateDescription(tx, uid, description);
      if (rule && target) await store.updateRule(tx, uid, target, settledRule(rule));
      if (webhookUrl !== undefined) await store.updateWebhook(tx, uid, webhookUrl || undefined);
      if (webhookUrl === "") await failDeliveries(tx, uid, "no_webhook");
      return store.getAlarm(tx, project, id);
    });
  }

  delete(project: string, id: string, etag: string): Promise<void> {
    return inTransaction(this.#deps.sql, async (tx) => {
      const { uid, version } = await store.lockAlarm(tx, project, id);
      checkEtag(etag, etagOf(version));
      await store.deleteAlarm(tx, uid);
    });
  }

  /** Newest first, those before `before` by number. */
  events(project: string, id: string, before: number, limit: number): Promise<AlarmEvent[]> {
    return query(async () => {
      const { uid } = await store.getAlarm(this.#deps.sql, project, id);
      return listAlarmEvents(this.#deps.sql, { uid, before, limit });
    });
  }

  /** Throws `failed_precondition` alarm_has_no_webhook. What the audit log says of it is committed before anything is sent. */
  async test(project: string, id: string): ReturnType<Deliverer["test"]> {
    const { sql, deliverer } = this.#deps;
    const { alarm, url } = await inTransaction(sql, async (tx) => {
      const found = await store.getAlarm(tx, project, id);
      if (found.webhookUrl === undefined) throw hasNoWebhook(id);
      return { alarm: found, url: found.webhookUrl };
    });
    return deliverer.test(alarm, url);
  }

  rotateSecret(
    project: string,
    id: string,
    { overlapMs = LIMITS.alarm.overlapMs.default, etag }: { overlapMs: number | undefined; etag: string },
  ): Promise<{ alarm: Alarm; secret: string }> {
    const violations = new Violations();
    const { max } = LIMITS.alarm.overlapMs;
    violations.unless(overlapMs >= 0 && overlapMs <= max, "overlap_seconds", `must be from 0 to ${max / 1_000}`);
    violations.throwIfAny();
    const { sql, clock } = this.#deps;
    const secret = mintSecret();
    return inTransaction(sql, async (tx) => {
      const { uid, version } = await store.lockAlarm(tx, project, id);
      checkEtag(etag, etagOf(version));
      const until = new Date(clock().getTime() + overlapMs);
      await store.rotateSecret(tx, uid, this.#seal(uid, secret), until);
      const alarm = await store.getAlarm(tx, project, id);
      noteCall({ after: etagOf(alarm.version) });
      return { alarm, secret };
    });
  }

  #seal(uid: string, secret: string): Buffer {
    return this.#deps.keyring.seal(Buffer.from(secret), secretContext(uid));
  }
}

/** The target, locked so that it does not go meanwhile. Throws `not_found` group_not_found or function_not_found. */
async function targetOf(
  tx: Transaction,
  project: string,
  { deployment, api, function: fn }: AskedRule,
): Promise<Target> {
  if (fn) {
    const { id, uid } = await lockFunction(tx, project, fn.function);
    return { kind: "function", function: id, uid };
  }
  const { group, environment } = deployment!;
  const { label } = await lockGroup(tx, project, group);
  return { kind: "deployment", group, label, environment: environment as Environment, api };
}

function hasNoWebhook(id: string): PlatformError {
  return new PlatformError("failed_precondition", `Alarm ${id} has no webhook; set its URL first.`, {
    reason: "alarm_has_no_webhook",
  });
}
