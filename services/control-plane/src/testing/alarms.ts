import { randomBytes } from "node:crypto";
import { OutboundGuard, parseAllowedRange, readAddress } from "@millrace/outbound";
import { MasterKeyring } from "@millrace/sealing";
import { inTransaction, type Sql } from "@millrace/sql";
import type { AskedRule } from "../alarms/alarm-draft.ts";
import { AlarmService } from "../alarms/alarm-service.ts";
import { Deliverer } from "../alarms/deliverer.ts";
import { Evaluator } from "../alarms/evaluator.ts";
import { WebhookClient } from "../alarms/webhook-client.ts";
import { DURATION_COLUMNS, USAGE, type UsageKind } from "../metrics/usage.ts";
import { putMinutes } from "../metrics/usage-store.ts";

// Alarms of several processes on one database, without the service around them, at an instant that tests choose.

const ADDRESSES = { region: "local-1", baseDomain: "localhost", gatewayPublicUrl: "http://127.0.0.1:8080" };

export interface AlarmProcess {
  evaluator: Evaluator;
  deliverer: Deliverer;
}

export interface AlarmProcesses {
  clock: { now: Date };
  service: AlarmService;
  processes: readonly [AlarmProcess, AlarmProcess];
  /** Evaluates in all processes at once what is due. */
  evaluate(): Promise<void>;
  /** Evaluates and delivers in all processes at once, and waits for the receivers. */
  round(): Promise<void>;
  warnings: string[];
}

export interface AlarmProcessesOptions {
  webhookAllow: readonly string[];
  names?: Readonly<Record<string, readonly string[]>>;
  timeoutMs?: number;
}

export function alarmProcesses(sql: Sql, options: AlarmProcessesOptions): AlarmProcesses {
  const clock = { now: new Date("2026-11-20T12:00:30Z") };
  const warnings: string[] = [];
  const say = (_fields: object, message: string) => void warnings.push(message);
  const log = { debug() {}, info() {}, warn: say, error: say };
  const keyring = MasterKeyring.parse(randomBytes(32).toString("base64"));
  const allow = options.webhookAllow.map((range) => parseAllowedRange(range)!);
  const resolve = async (host: string) => (options.names?.[host] ?? []).map((text) => readAddress(text)!);
  const start = (): AlarmProcess => {
    const guard = new OutboundGuard({ allow, busUrl: "nats://127.0.0.1:4222", setting: "ALLOW", resolve });
    const deps = {
      sql,
      keyring,
      clock: () => clock.now,
      random: () => 0.5,
      log,
      stopping: new AbortController().signal,
    };
    return {
      evaluator: new Evaluator({ ...deps, addresses: ADDRESSES }),
      deliverer: new Deliverer({ ...deps, webhooks: new WebhookClient(guard, options.timeoutMs) }),
    };
  };
  const processes = [start(), start()] as const;
  const service = new AlarmService({ sql, keyring, deliverer: processes[0].deliverer, clock: () => clock.now });
  const evaluate = async () => {
    await Promise.all(processes.map(({ evaluator }) => evaluator.round()));
    await Promise.all(processes.map(({ evaluator }) => evaluator.settled()));
  };
  const round = async () => {
    await evaluate();
    await Promise.all(processes.map(({ deliverer }) => deliverer.round()));
    await Promise.all(processes.map(({ deliverer }) => deliverer.settled()));
  };
  return { clock, service, processes, evaluate, round, warnings };
}

/** A project with the group `store`, whose label is the project's id, and the function `pets`. */
export async function insertProject(sql: Sql, project: string): Promise<void> {
  await sql`insert into projects (id, display_name) values (${project}, '')`;
  await sql`
    insert into api_groups (label, project, id, description, prefix, access)
    values (${project}, ${project}, 'store', '', '', 'none')`;
  await sql`insert into deployments (group_label, environment) values (${project}, 'online'), (${project}, 'test')`;
  await sql`
    insert into functions (uid, project, id, description, config)
    values (${`fn-${project}`}, ${project}, 'pets', '', '{}')`;
}

/** Counts of one minute: of requests to a host label, or of calls of a function. */
export async function putMinute(
  sql: Sql,
  key: { hostLabel: string; api?: string } | { functionUid: string },
  at: Date,
  counts: Readonly<Record<string, number>>,
): Promise<void> {
  const kind: UsageKind = "hostLabel" in key ? "requests" : "invocations";
  const { sums, peaks } = USAGE[kind];
  const zeros = Object.fromEntries([...sums, ...peaks, ...DURATION_COLUMNS].map((column) => [column, 0]));
  const names =
    "hostLabel" in key
      ? { host_label: key.hostLabel, api: key.api ?? "get", key_id: "", gateway: "gateway-1" }
      : { function_uid: key.functionUid, version: 1, runner: "runner-1" };
  await inTransaction(sql, (tx) => putMinutes(tx, kind, [{ ...zeros, ...names, at, epoch: 1, number: 1, ...counts }]));
}

/** More than half of the requests of `project`'s online deployment fail within a minute. */
export function ruleOf(project: string, rule: Partial<AskedRule> = {}): AskedRule {
  return {
    deployment: { project, group: "store", environment: "online" },
    api: "",
    function: undefined,
    metric: "error_rate",
    comparison: "above",
    threshold: 0.5,
    windowMinutes: 1,
    minCalls: 0,
    alarmAfter: 0,
    okAfter: 0,
    missingData: undefined,
    ...rule,
  };
}
