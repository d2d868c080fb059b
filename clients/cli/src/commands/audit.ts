import { AuditEvent, AuditOutcome, type ListAuditEventsRequest } from "@millrace/proto/audit/v1/audit";
import { AuditServiceService as AuthAudit } from "@millrace/proto/auth/v1/audit";
import { AuditServiceService as ControlAudit } from "@millrace/proto/control/v1/audit";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { type Answer, many, type View } from "../output/answer.ts";
import { integerOption, readTime } from "./options.ts";

const OUTCOMES = { done: AuditOutcome.DONE, denied: AuditOutcome.DENIED, failed: AuditOutcome.FAILED } as const;
type OutcomeWord = keyof typeof OUTCOMES;

interface AuditOptions {
  all?: boolean;
  object?: string;
  actor?: string;
  action?: string;
  outcome?: OutcomeWord;
  since?: string;
  limit?: number;
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;

const view: View<AuditEvent> = {
  json: AuditEvent.toJSON,
  cells: {
    time: ({ time }) => time,
    actor: ({ actor }) => actor,
    action: ({ method }) => method.slice(method.indexOf("/") + 1),
    object: ({ object }) => object,
    outcome: ({ outcome, reason }) => (reason === "" ? wordOf(outcome) : `${wordOf(outcome)}: ${reason}`),
    change: ({ before, after }) => (after === "" ? before : `${before || "-"} to ${after}`),
    fields: ({ fields }) => fields.map(({ path, value }) => (value === "" ? path : `${path}=${value}`)),
  },
};

export function registerAudit(registry: Registry): void {
  registry.command<AuditOptions>({
    usage: "audit",
    description: "show who changed what, or was refused: of a project that you own, or as an operator of all",
    options: [
      new Option("--all", "of all projects and of none, such as sign-ins"),
      new Option("--object <name>", "only of a resource and what it holds, e.g. functions/pets of the project"),
      new Option("--actor <name>", "only by somebody, e.g. people/3k2…"),
      new Option("--action <method>", "only of one method, e.g. UpdateFunction"),
      new Option("--outcome <outcome>", "only what ended so").choices(Object.keys(OUTCOMES)),
      new Option("--since <time>", "only newer, e.g. 1d, 2h or 2026-01-31T12:00:00Z"),
      integerOption("--limit <n>", `how many of the newest (default: ${LIMIT_DEFAULT})`, 1, LIMIT_MAX),
    ],
    examples: ["millrace audit --since 1d", "millrace audit --all --outcome denied --output json"],
    run: audit,
  });
}

async function audit(context: Context, _args: string[], options: AuditOptions): Promise<Answer> {
  const { actor = "", action = "", object = "", outcome, since, limit = LIMIT_DEFAULT } = options;
  const parent = options.all ? "" : context.project;
  const request: ListAuditEventsRequest = {
    parent,
    actor,
    object: object === "" || options.all || object.startsWith("projects/") ? object : `${parent}/${object}`,
    action,
    outcome: outcome === undefined ? AuditOutcome.UNSPECIFIED : OUTCOMES[outcome],
    after: readTime(since, "--since"),
    before: undefined,
    pageSize: limit,
    pageToken: "",
  };
  const logs = await Promise.all([
    context.call(ControlAudit.listAuditEvents, request),
    context.call(AuthAudit.listAuditEvents, request),
  ]);
  const newestFirst = logs
    .flatMap(({ events }) => events)
    .toSorted((a, b) => (b.time?.getTime() ?? 0) - (a.time?.getTime() ?? 0));
  return many(view, "events", newestFirst.slice(0, limit));
}

function wordOf(outcome: AuditOutcome): string {
  return Object.keys(OUTCOMES).find((word) => OUTCOMES[word as OutcomeWord] === outcome) ?? "";
}
