import { invalidFields } from "@millrace/errors";
import { checkId, parseName } from "@millrace/names";
import { type AlarmServiceService, CreateAlarmRequest } from "@millrace/proto/control/v1/alarms";
import { type HandlersOf, onceOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { INTEGER_MAX, numbersAfter, textAfter } from "../requests/paging.ts";
import { askedRule, toAlarmMessage, toEventMessage } from "./alarm-message.ts";
import type { AlarmService } from "./alarm-service.ts";

export function alarmHandlers(alarms: AlarmService): HandlersOf<typeof AlarmServiceService> {
  return {
    async createAlarm(request, context) {
      const { project } = parseName("project", request.parent, "parent");
      const id = checkId("alarm", request.alarmId, "alarm_id");
      if (!request.rule) throw invalidFields([{ field: "rule", description: "is required" }]);
      const { description, webhookUrl } = request;
      const draft = { description, rule: askedRule(request.rule), webhookUrl };
      const once = onceOf(context, request, CreateAlarmRequest);
      const { alarm, secret } = await alarms.create(project, id, draft, once);
      return { alarm: toAlarmMessage(alarm), secret };
    },
    async getAlarm({ name }) {
      const ids = parseName("alarm", name);
      return toAlarmMessage(await alarms.get(ids.project, ids.alarm));
    },
    async listAlarms({ parent, pageSize, pageToken }) {
      const { project } = parseName("project", parent, "parent");
      const scope = `alarms ${parent}`;
      const size = pageSizeOf(pageSize);
      const rows = await alarms.list(project, textAfter(scope, pageToken), size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ id }) => [id]);
      return { alarms: page.map(toAlarmMessage), nextPageToken };
    },
    async updateAlarm({ name, description, rule, webhookUrl, etag }) {
      const ids = parseName("alarm", name);
      const draft = { description, rule: rule && askedRule(rule), webhookUrl };
      return toAlarmMessage(await alarms.update(ids.project, ids.alarm, draft, etag));
    },
    async deleteAlarm({ name, etag }) {
      const ids = parseName("alarm", name);
      await alarms.delete(ids.project, ids.alarm, etag);
      return {};
    },
    async listAlarmEvents({ parent, pageSize, pageToken }) {
      const ids = parseName("alarm", parent, "parent");
      const scope = `alarm events ${parent}`;
      const size = pageSizeOf(pageSize);
      const [before = INTEGER_MAX] = numbersAfter(scope, pageToken, [INTEGER_MAX]) ?? [];
      const rows = await alarms.events(ids.project, ids.alarm, before, size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ number }) => [String(number)]);
      return { events: page.map(toEventMessage), nextPageToken };
    },
    async testAlarm({ name }) {
      const ids = parseName("alarm", name);
      const { status, error, deliveryId, durationMs } = await alarms.test(ids.project, ids.alarm);
      return { delivered: error === undefined, deliveryId, status, error: error ?? "", durationMs };
    },
    async rotateAlarmSecret({ name, overlapSeconds, etag }) {
      const ids = parseName("alarm", name);
      const overlapMs = overlapSeconds === undefined ? undefined : overlapSeconds * 1_000;
      const { alarm, secret } = await alarms.rotateSecret(ids.project, ids.alarm, { overlapMs, etag });
      return { alarm: toAlarmMessage(alarm), secret };
    },
  };
}
