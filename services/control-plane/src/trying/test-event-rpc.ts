import { invalidFields } from "@millrace/errors";
import { checkId, formatName, parseName } from "@millrace/names";
import {
  CreateTestEventRequest,
  EventKind as EventKindMessage,
  type FunctionTestServiceService,
  type TestEvent as TestEventMessage,
} from "@millrace/proto/control/v1/function_tests";
import { etagOf, type HandlersOf, onceOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { LIMITS } from "../limits.ts";
import { textAfter } from "../requests/paging.ts";
import { EVENT_TEMPLATES } from "./event-templates.ts";
import type { EventKind, TestEvent } from "./test-event.ts";
import type { TestEventService } from "./test-event-service.ts";

type Handlers = HandlersOf<typeof FunctionTestServiceService>;

export function testEventHandlers(events: TestEventService): Omit<Handlers, "invokeFunction"> {
  return {
    async listEventTemplates() {
      return { templates: EVENT_TEMPLATES.map((template) => ({ ...template, kind: KINDS[template.kind] })) };
    },
    async createTestEvent(request, context) {
      const ids = parseName("function", request.parent, "parent");
      const id = checkId("testEvent", request.testEventId, "test_event_id");
      const event = { id, kind: kindOf(request.kind, "kind") ?? "jd", body: request.body };
      const once = onceOf(context, request, CreateTestEventRequest);
      return toMessage(ids, await events.create(ids.project, ids.function, event, once));
    },
    async getTestEvent({ name }) {
      const ids = parseName("testEvent", name);
      return toMessage(ids, await events.get(ids.project, ids.function, ids.testEvent));
    },
    async listTestEvents({ parent, pageSize, pageToken }) {
      const ids = parseName("function", parent, "parent");
      const scope = `test events ${parent}`;
      const size = Math.min(pageSizeOf(pageSize), LIMITS.heavyPageMax);
      const rows = await events.list(ids.project, ids.function, textAfter(scope, pageToken), size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ id }) => [id]);
      return { testEvents: page.map((event) => toMessage(ids, event)), nextPageToken };
    },
    async updateTestEvent({ name, kind, body, etag }) {
      const ids = parseName("testEvent", name);
      const change = { id: ids.testEvent, kind: kindOf(kind, "kind"), body };
      return toMessage(ids, await events.update(ids.project, ids.function, change, etag));
    },
    async deleteTestEvent({ name, etag }) {
      const ids = parseName("testEvent", name);
      await events.delete(ids.project, ids.function, ids.testEvent, etag);
      return {};
    },
  };
}

/** Undefined when it is not said. Throws `invalid_argument` naming `field`. */
export function kindOf(kind: EventKindMessage, field: string): EventKind | undefined {
  if (kind === EventKindMessage.UNSPECIFIED) return undefined;
  const [known] = Object.entries(KINDS).find(([, message]) => message === kind) ?? [];
  if (known) return known as EventKind;
  throw invalidFields([{ field, description: "must be JD, AWS 1.0, AWS 2.0 or a request" }]);
}

function toMessage(ids: { project: string; function: string }, event: TestEvent): TestEventMessage {
  const { id, kind, body, createdAt, updatedAt, version } = event;
  const name = formatName("testEvent", { project: ids.project, function: ids.function, testEvent: id });
  return { name, kind: KINDS[kind], body, createdAt, updatedAt, etag: etagOf(version) };
}

const KINDS: Readonly<Record<EventKind, EventKindMessage>> = {
  jd: EventKindMessage.JD,
  "aws-1": EventKindMessage.AWS_1,
  "aws-2": EventKindMessage.AWS_2,
  request: EventKindMessage.REQUEST,
};
