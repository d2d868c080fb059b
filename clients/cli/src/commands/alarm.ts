import { randomUUID } from "node:crypto";
import {
  Alarm,
  AlarmEvent,
  AlarmServiceService,
  AlarmState,
  CreateAlarmResponse,
  RotateAlarmSecretResponse,
  TestAlarmResponse,
} from "@millrace/proto/control/v1/alarms";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { type Answer, done, idOf, many, one, type View } from "../output/answer.ts";
import { conditionText, type RuleOptions, readRule, ruleOptions, targetText } from "./alarm-rule.ts";
import { descriptionOption, integerOption } from "./options.ts";
import { saveOnce, saveOption } from "./save-once.ts";

interface AlarmOptions extends RuleOptions {
  description?: string;
  webhook?: string;
  save?: string;
}

const NO_WEBHOOK = "none";
const HOUR_S = 3_600;
const EVENTS_DEFAULT = 20;
const EVENTS_MAX = 500;
const ADDRESS_ADVICE =
  "\nan address that is not public must be allowed by the platform's operator: npm start -- --webhook-allow 127.0.0.1";

const view: View<Alarm> = {
  json: Alarm.toJSON,
  cells: {
    id: ({ name }) => idOf(name),
    state: ({ state }) => wordOf(state),
    since: ({ stateSince }) => stateSince,
    value: ({ value }) => value,
    of: ({ rule }) => targetText(rule),
    condition: ({ rule }) => conditionText(rule),
    webhook: ({ webhookUrl, webhookGoneAt }) => (webhookGoneAt ? `${webhookUrl} (gone)` : webhookUrl),
    description: ({ description }) => description,
  },
};

const eventView: View<AlarmEvent> = {
  json: AlarmEvent.toJSON,
  cells: {
    number: ({ number }) => number,
    time: ({ time }) => time,
    change: ({ from, to }) => `${wordOf(from)} to ${wordOf(to)}`,
    value: ({ value }) => value,
    calls: ({ calls }) => calls,
    delivery: ({ delivery }) => delivery?.state,
    attempts: ({ delivery }) => delivery?.attempts,
    answer: ({ delivery }) => (delivery?.status ? `${delivery.status} ${delivery.error}`.trim() : delivery?.error),
  },
};

const webhookOption = (text = "URL that changes of state are told to") => new Option("--webhook <url>", text);

export function registerAlarm(registry: Registry): void {
  registry
    .noun("alarm", "rules over metrics, whose changes of state are told to webhooks")
    .command<AlarmOptions>({
      usage: "create <alarm>",
      description: "make an alarm; the secret that signs its deliveries is shown once",
      options: [...ruleOptions(), webhookOption(), descriptionOption(), saveOption()],
      examples: [
        "millrace alarm create errors --group store --env online --metric error_rate --above 0.05 --min-calls 20",
        "millrace alarm create slow --function pets --metric duration_p95 --at-least 500 --after 3 --webhook https://…",
      ],
      run: create,
    })
    .command({
      usage: "list",
      description: "list the project's alarms, and how they stand",
      async run({ listAll, project }) {
        const request = { parent: project, pageSize: 0, pageToken: "" };
        return many(view, "alarms", await listAll(AlarmServiceService.listAlarms, request, (page) => page.alarms));
      },
    })
    .command({
      usage: "get <alarm>",
      description: "show an alarm",
      run: async (context, [id = ""]) => one(view, await find(context, id)),
    })
    .command<AlarmOptions>({
      usage: "update <alarm>",
      description: "change an alarm; what is not given stays",
      options: [...ruleOptions(), webhookOption(`where changes are told, or ${NO_WEBHOOK}`), descriptionOption()],
      examples: ["millrace alarm update errors --above 0.1 --after 3"],
      run: update,
    })
    .command({
      usage: "delete <alarm>",
      description: "delete an alarm with its history",
      async run({ call, project }, [id]) {
        const name = `${project}/alarms/${id}`;
        await call(AlarmServiceService.deleteAlarm, { name, etag: "" });
        return done({ deleted: name }, `deleted ${name}`);
      },
    })
    .command({ usage: "test <alarm>", description: "deliver a signed test now, and say what came of it", run: tryOut })
    .command<{ limit?: number }>({
      usage: "events <alarm>",
      description: "show changes of state and their deliveries, newest first",
      options: [integerOption("--limit <n>", `how many (default: ${EVENTS_DEFAULT})`, 1, EVENTS_MAX)],
      async run({ call, project }, [id], { limit = EVENTS_DEFAULT }) {
        const request = { parent: `${project}/alarms/${id}`, pageSize: limit, pageToken: "" };
        return many(eventView, "events", (await call(AlarmServiceService.listAlarmEvents, request)).events);
      },
    })
    .command<{ overlapHours?: number; save?: string }>({
      usage: "rotate-secret <alarm>",
      description: "make a new secret, shown once; deliveries are signed with both for a while",
      options: [integerOption("--overlap-hours <n>", "for how long (default: 24)", 0, 168), saveOption()],
      run: rotateSecret,
    });
}

async function create(context: Context, [alarmId = ""]: string[], options: AlarmOptions): Promise<Answer> {
  const { description = "", webhook = "", save } = options;
  const rule = readRule(context.project, options);
  const webhookUrl = webhook === NO_WEBHOOK ? "" : webhook;
  const request = { parent: context.project, alarmId, description, rule, webhookUrl, requestId: randomUUID() };
  return saveOnce(context, save, async () => {
    const answer = await context.call(AlarmServiceService.createAlarm, request);
    const text = `alarm ${alarmId}: ${conditionText(answer.alarm?.rule)}`;
    return { json: CreateAlarmResponse.toJSON(answer), text, secret: answer.secret };
  });
}

async function update(context: Context, [id = ""]: string[], options: AlarmOptions): Promise<Answer> {
  const { description, webhook } = options;
  const before = await find(context, id);
  const rule = readRule(context.project, options, before.rule);
  const webhookUrl = webhook === NO_WEBHOOK ? "" : webhook;
  const request = { name: before.name, description, rule, webhookUrl, etag: before.etag };
  return one(view, await context.call(AlarmServiceService.updateAlarm, request));
}

async function tryOut({ call, project }: Context, [id]: string[]): Promise<Answer> {
  const answer = await call(AlarmServiceService.testAlarm, { name: `${project}/alarms/${id}` });
  const { delivered, deliveryId, status, error, durationMs } = answer;
  const outcome = delivered ? `delivered: ${status}` : `not delivered: ${error}${status === 0 ? "" : ` ${status}`}`;
  const text = `${outcome}, after ${durationMs} ms (${deliveryId})${error === "address_refused" ? ADDRESS_ADVICE : ""}`;
  return { json: TestAlarmResponse.toJSON(answer), text, exitCode: delivered ? EXIT.ok : EXIT.failed };
}

async function rotateSecret(
  context: Context,
  [id = ""]: string[],
  { overlapHours, save }: { overlapHours?: number; save?: string },
): Promise<Answer> {
  const { name, etag } = await find(context, id);
  const overlapSeconds = overlapHours === undefined ? undefined : overlapHours * HOUR_S;
  return saveOnce(context, save, async () => {
    const answer = await context.call(AlarmServiceService.rotateAlarmSecret, { name, overlapSeconds, etag });
    const until = answer.alarm?.secretOverlapUntil?.toISOString() ?? "";
    const text = `alarm ${id}: the secret before signs until ${until}`;
    return { json: RotateAlarmSecretResponse.toJSON(answer), text, secret: answer.secret };
  });
}

function find({ call, project }: Context, id: string): Promise<Alarm> {
  return call(AlarmServiceService.getAlarm, { name: `${project}/alarms/${id}` });
}

function wordOf(state: AlarmState): string {
  return { [AlarmState.OK]: "ok", [AlarmState.ALARM]: "ALARM", [AlarmState.NO_DATA]: "no data" }[state as number] ?? "";
}
