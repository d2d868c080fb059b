import { checkEtag, etagOf } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql } from "@millrace/sql";
import { getFunction, lockFunction } from "../functions/function-store.ts";
import { QUOTAS } from "../limits.ts";
import { checkQuota } from "../requests/refusals.ts";
import { checkEvent, type EventKind, type GivenEvent, type TestEvent } from "./test-event.ts";
import * as store from "./test-event-store.ts";

export class TestEventService {
  readonly #sql: Sql;

  constructor(deps: { sql: Sql }) {
    this.#sql = deps.sql;
  }

  create(
    project: string,
    functionId: string,
    event: GivenEvent & { id: string },
    once: IdempotentRequest,
  ): Promise<TestEvent> {
    checkEvent(event, "body");
    return inTransaction(this.#sql, async (tx) => {
      const { uid: functionUid } = await lockFunction(tx, project, functionId);
      const { resource } = await createOnce(tx, once, async () => {
        checkQuota("test events", await store.countTestEvents(tx, functionUid), QUOTAS.testEventsPerFunction);
        await store.insertTestEvent(tx, { ...event, functionUid });
        return event.id;
      });
      return store.getTestEvent(tx, functionUid, resource);
    });
  }

  get(project: string, functionId: string, id: string): Promise<TestEvent> {
    return query(async () => {
      const { uid } = await getFunction(this.#sql, project, functionId);
      return store.getTestEvent(this.#sql, uid, id);
    });
  }

  list(project: string, functionId: string, after: string, limit: number): Promise<TestEvent[]> {
    return query(async () => {
      const { uid: functionUid } = await getFunction(this.#sql, project, functionId);
      return store.listTestEvents(this.#sql, { functionUid, after, limit });
    });
  }

  update(
    project: string,
    functionId: string,
    change: { id: string; kind: EventKind | undefined; body: string | undefined },
    etag: string,
  ): Promise<TestEvent> {
    return inTransaction(this.#sql, async (tx) => {
      const { uid: functionUid } = await lockFunction(tx, project, functionId);
      const event = await store.getTestEvent(tx, functionUid, change.id);
      checkEtag(etag, etagOf(event.version));
      const next = { functionUid, id: change.id, kind: change.kind ?? event.kind, body: change.body ?? event.body };
      checkEvent(next, "body");
      await store.updateTestEvent(tx, next);
      return store.getTestEvent(tx, functionUid, change.id);
    });
  }

  delete(project: string, functionId: string, id: string, etag: string): Promise<void> {
    return inTransaction(this.#sql, async (tx) => {
      const { uid } = await lockFunction(tx, project, functionId);
      const event = await store.getTestEvent(tx, uid, id);
      checkEtag(etag, etagOf(event.version));
      await store.deleteTestEvent(tx, uid, id);
    });
  }
}
