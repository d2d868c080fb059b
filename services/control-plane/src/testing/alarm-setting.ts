import type { Sql } from "@millrace/sql";
import type { AskedRule } from "../alarms/alarm-draft.ts";
import { LIMITS } from "../limits.ts";
import {
  type AlarmProcesses,
  type AlarmProcessesOptions,
  alarmProcesses,
  insertProject,
  putMinute,
  ruleOf,
} from "./alarms.ts";

export const MINUTE_MS = 60_000;
export const ONCE = { principal: "people/ada", method: "m", requestId: "", request: new Uint8Array() };
let projects = 0;

export interface AlarmSetting extends AlarmProcesses {
  project: string;
  /** The minute that was complete last. */
  minute(): Date;
  /** One more minute, in which so many of ten requests failed; none at all when undefined. */
  next(failed: number | undefined): Promise<void>;
  /** As next, but nothing is delivered. */
  pass(failed: number | undefined): Promise<void>;
  create(url: string, rule?: Partial<AskedRule>, id?: string): Promise<void>;
  events(id?: string): ReturnType<AlarmProcesses["service"]["events"]>;
}

/** A project of its own, without alarms of others, whose alarm `errors` stands for more than half of a minute's requests failing. */
export async function alarmSetting(sql: Sql, options: Partial<AlarmProcessesOptions> = {}): Promise<AlarmSetting> {
  const project = `p${++projects}`;
  await insertProject(sql, project);
  const all = alarmProcesses(sql, { webhookAllow: ["127.0.0.1"], ...options });
  const { clock, service } = all;
  // What other tests have left to deliver is not this one's.
  await sql`delete from alarms where project <> ${project}`;
  const minute = () => new Date(clock.now.getTime() - LIMITS.alarm.latenessMs - MINUTE_MS);
  const pass = async (failed: number | undefined) => {
    clock.now = new Date(clock.now.getTime() + MINUTE_MS);
    if (failed !== undefined) await putMinute(sql, { hostLabel: project }, minute(), { count: 10, status_5xx: failed });
    await all.evaluate();
  };
  return {
    ...all,
    project,
    minute,
    async next(failed) {
      await pass(failed);
      await all.round();
    },
    pass,
    async create(url, rule = {}, id = "errors") {
      await service.create(project, id, { description: "", webhookUrl: url, rule: ruleOf(project, rule) }, ONCE);
    },
    events: (id = "errors") => service.events(project, id, 1_000_000, 100),
  };
}
