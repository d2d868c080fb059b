import { invalidFields, PlatformError } from "@millrace/errors";
import { parseName } from "@millrace/names";
import {
  type AuditEvent as AuditEventMessage,
  AuditOutcome,
  type ListAuditEventsRequest,
  type ListAuditEventsResponse,
} from "@millrace/proto/audit/v1/audit";
import {
  type Principal,
  pageOf,
  pageSizeOf,
  type RpcContext,
  readPageToken,
  requirePerson,
  requireRole,
} from "@millrace/rpc";
import type { AuditEvent, AuditFilter, AuditPosition, Outcome } from "./audit-event.ts";
import type { AuditLog } from "./audit-log.ts";
import { LIMITS } from "./limits.ts";
import type { ShownField } from "./shown-fields.ts";

const PAGE = { default: 100, max: 1_000 };
/** protobuf's timestamps end with the year 9999. */
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);
const ACTION = /^[A-Za-z]{0,64}$/;
const NAME = /^[\x20-\x7e]{0,400}$/;
const BIGINT_MAX = 2n ** 63n - 1n;
const MICROS_MAX = BigInt(LATEST_MS) * 1_000n;

/** `projectMadeAt` answers undefined for a project that there is not. */
export function auditHandlers(
  audit: AuditLog,
  projectMadeAt: (project: string) => Promise<Date | undefined>,
): { listAuditEvents(request: ListAuditEventsRequest, context: RpcContext): Promise<ListAuditEventsResponse> } {
  return {
    async listAuditEvents(request, { principal }) {
      const { parent, actor, object, action, pageToken } = request;
      const project = parent === "" ? undefined : parseName("project", parent, "parent").project;
      checkMayRead(principal, project);
      checkTexts({ actor, object, action });
      checkInstant("after", request.after);
      checkInstant("before", request.before);
      const filter: AuditFilter = {
        project,
        since: await sinceOf(principal, project, projectMadeAt),
        actor,
        object,
        action,
        outcome: OUTCOMES[request.outcome],
        after: request.after,
        before: request.before,
      };
      const scope = ["audit", parent, actor, object, action, request.outcome].join(" ");
      const size = pageSizeOf(request.pageSize, PAGE);
      const rows = await audit.list(filter, positionOf(scope, pageToken), size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ atMicros, chain, sequence }) =>
        [atMicros, chain, sequence].map(String),
      );
      return { events: page.map(toMessage), nextPageToken };
    },
  };
}

const OUTCOMES: Readonly<Partial<Record<AuditOutcome, Outcome>>> = {
  [AuditOutcome.DONE]: "done",
  [AuditOutcome.DENIED]: "denied",
  [AuditOutcome.FAILED]: "failed",
};
const OUTCOME_MESSAGES = {
  done: AuditOutcome.DONE,
  denied: AuditOutcome.DENIED,
  failed: AuditOutcome.FAILED,
} as const satisfies Record<Outcome, AuditOutcome>;

function checkMayRead(principal: Principal, project: string | undefined): void {
  if (project !== undefined) requireRole(principal, project, "owner");
  else if (!requirePerson(principal).operator) {
    const message = "Only operators may read of all projects; name one that you own.";
    throw new PlatformError("permission_denied", message, { reason: "permission_denied" });
  }
}

/** Owners see nothing of an earlier project with their project's id; operators see that too. */
async function sinceOf(
  principal: Principal,
  project: string | undefined,
  projectMadeAt: (project: string) => Promise<Date | undefined>,
): Promise<Date | undefined> {
  if (project === undefined || requirePerson(principal).operator) return undefined;
  const madeAt = await projectMadeAt(project);
  if (madeAt) return madeAt;
  throw new PlatformError("not_found", `There is no project ${project}.`, { reason: "project_not_found" });
}

function checkTexts(texts: Readonly<Record<"actor" | "object" | "action", string>>): void {
  const faults = Object.entries(texts)
    .filter(([field, text]) => !(field === "action" ? ACTION : NAME).test(text))
    .map(([field]) => ({ field, description: "is nothing that an event could hold" }));
  if (faults.length > 0) throw invalidFields(faults);
}

function checkInstant(field: string, instant: Date | undefined): void {
  const ms = instant?.getTime() ?? 0;
  if (ms >= 0 && ms <= LATEST_MS) return;
  throw invalidFields([{ field, description: "must be a time from 1970 to 9999" }]);
}

function positionOf(scope: string, token: string): AuditPosition | undefined {
  const after = readPageToken(scope, token);
  if (!after) return undefined;
  const [atMicros = "", chain = "", sequence = ""] = after;
  const fits = isNumber(atMicros, MICROS_MAX) && isNumber(sequence, BIGINT_MAX) && isChain(chain);
  if (fits && after.length === 3) return { atMicros, chain, sequence };
  throw invalidFields([{ field: "page_token", description: "is not a token that this list has answered" }]);
}

function isNumber(text: string, max: bigint): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) <= max;
}

function isChain(text: string): boolean {
  return text.length <= LIMITS.textCharsMax && /^[a-z0-9/-]+$/.test(text);
}

function toMessage(event: AuditEvent): AuditEventMessage {
  const { at, actor, credential, method, object, outcome, reason, before, after, peer, userAgent } = event;
  const fields = (JSON.parse(event.fields) as ShownField[]).map(([path, value]) => ({ path, value }));
  const { notRecorded, chain, sequence, hash } = event;
  const what = { actor, credential, method, object, outcome: OUTCOME_MESSAGES[outcome], reason, fields, before, after };
  return { time: at, ...what, peer, userAgent, notRecorded, chain, sequence: Number(sequence), hash };
}
