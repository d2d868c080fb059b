import { randomUUID } from "node:crypto";
import { FunctionTestServiceService, TestEvent } from "@millrace/proto/control/v1/function_tests";
import { Option } from "commander";
import type { Noun } from "../command-line.ts";
import { done, idOf, many, one, type View } from "../output/answer.ts";
import { EVENT_KINDS, type EventKindWord, kindOption, readData } from "./function-invoke.ts";

const kindWord = (kind: number) => Object.entries(EVENT_KINDS).find(([, known]) => known === kind)?.[0];

const rowView: View<TestEvent> = {
  json: TestEvent.toJSON,
  cells: {
    id: ({ name }) => idOf(name),
    kind: ({ kind }) => kindWord(kind),
    bytes: ({ body }) => Buffer.byteLength(body),
    updated: ({ updatedAt }) => updatedAt,
  },
};

const view: View<TestEvent> = { json: TestEvent.toJSON, cells: { ...rowView.cells, event: ({ body }) => body } };

interface EventOptions {
  data?: string;
  kind?: EventKindWord;
}

const dataOption = () => new Option("-d, --data <json>", "the event; @file reads a file, - standard input");

export function registerEvent(functions: Noun): void {
  functions
    .noun("event", "events that a function is tried with")
    .command<EventOptions>({
      usage: "create <function> <event>",
      description: "keep an event; without --data the kind's template",
      options: [kindOption().default("jd"), dataOption()],
      examples: ['millrace function event create hello order --kind request -d \'{"path": "/orders/7"}\''],
      async run(context, [id, testEventId = ""], { kind = "jd", data }) {
        const { listEventTemplates, createTestEvent } = FunctionTestServiceService;
        const template = async () => {
          const { templates } = await context.call(listEventTemplates, {});
          return templates.find((one) => one.kind === EVENT_KINDS[kind])?.body ?? "{}";
        };
        const body = data === undefined ? await template() : await readData(context, data);
        const parent = `${context.project}/functions/${id}`;
        const request = { parent, testEventId, kind: EVENT_KINDS[kind], body, requestId: randomUUID() };
        return one(view, await context.call(createTestEvent, request));
      },
    })
    .command({
      usage: "list <function>",
      description: "list a function's test events",
      async run({ listAll, project }, [id]) {
        const request = { parent: `${project}/functions/${id}`, pageSize: 0, pageToken: "" };
        const { listTestEvents } = FunctionTestServiceService;
        return many(rowView, "events", await listAll(listTestEvents, request, (page) => page.testEvents));
      },
    })
    .command({
      usage: "get <function> <event>",
      description: "show a test event",
      async run({ call, project }, [id, event]) {
        const name = `${project}/functions/${id}/testEvents/${event}`;
        return one(view, await call(FunctionTestServiceService.getTestEvent, { name }));
      },
    })
    .command<EventOptions>({
      usage: "update <function> <event>",
      description: "change a test event; what is not named stays",
      options: [kindOption(), dataOption()],
      async run(context, [id, event], { kind, data }) {
        const name = `${context.project}/functions/${id}/testEvents/${event}`;
        const body = data === undefined ? undefined : await readData(context, data);
        const request = { name, kind: kind ? EVENT_KINDS[kind] : 0, body, etag: "" } as const;
        return one(view, await context.call(FunctionTestServiceService.updateTestEvent, request));
      },
    })
    .command({
      usage: "delete <function> <event>",
      description: "delete a test event",
      async run({ call, project }, [id, event]) {
        const name = `${project}/functions/${id}/testEvents/${event}`;
        await call(FunctionTestServiceService.deleteTestEvent, { name, etag: "" });
        return done({ deleted: name }, `deleted ${name}`);
      },
    });
}
