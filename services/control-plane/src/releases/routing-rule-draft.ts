import { isHeaderName, isSeenByRules } from "@millrace/names";
import { type BackendDraft, readBackend } from "../apis/backend-draft.ts";
import { LIMITS } from "../limits.ts";
import type { Violations } from "../requests/violations.ts";
import type { RoutingCondition, RoutingRule } from "./release.ts";

// Rules as they come in with a release.

export interface RoutingRuleDraft extends Omit<RoutingRule, "backend"> {
  backend: BackendDraft;
}

const { rulesMax, conditionsMax, conditionCharsMax } = LIMITS.routing;
const RULE_NAME = /^[^\p{Cc}]{1,64}$/u;
const QUERY_NAME = /^[^\p{Cc}\p{Cs}]{1,256}$/u;
const HEADER_VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

/** The rules that drafts mean; their faults are added to `violations` under `at`. */
export function readRoutingRules(
  drafts: readonly RoutingRuleDraft[],
  project: string,
  violations: Violations,
  at: string,
): RoutingRule[] {
  violations.unless(drafts.length <= rulesMax, at, `must be at most ${rulesMax}`);
  const names = new Set<string>();
  return drafts.slice(0, rulesMax).flatMap((draft, i) => {
    const field = `${at}[${i}]`;
    const { name } = draft;
    violations.unless(RULE_NAME.test(name), `${field}.name`, "must be 1 to 64 printable characters");
    violations.unless(!names.has(name), `${field}.name`, "names two rules");
    names.add(name);
    const count = draft.headers.length + draft.query.length;
    violations.unless(count >= 1, field, "must have a condition: a header or a parameter of the query");
    violations.unless(count <= conditionsMax, field, `must have at most ${conditionsMax} headers and query parameters`);
    const headers = draft.headers.map((condition) => ({ ...condition, name: condition.name.toLowerCase() }));
    checkConditions(headers, `${field}.headers`, violations, isUsableHeader);
    checkConditions(draft.query, `${field}.query`, violations, isUsableQuery);
    const backend = readBackend(draft.backend, project, violations, `${field}.backend`);
    return backend ? [{ name, headers, query: draft.query, backend }] : [];
  });
}

function checkConditions(
  conditions: readonly RoutingCondition[],
  at: string,
  violations: Violations,
  isUsable: (condition: RoutingCondition) => boolean,
): void {
  const seen = new Set<string>();
  conditions.slice(0, conditionsMax).forEach((condition, i) => {
    const fits = isUsable(condition) && condition.value.length <= conditionCharsMax;
    violations.unless(
      fits,
      `${at}[${i}]`,
      `must be a name and a value of at most ${conditionCharsMax} characters that gateways see`,
    );
    violations.unless(!seen.has(condition.name), `${at}[${i}].name`, "is asked for twice");
    seen.add(condition.name);
  });
}

function isUsableHeader({ name, value }: RoutingCondition): boolean {
  return isHeaderName(name) && isSeenByRules(name) && HEADER_VALUE.test(value);
}

function isUsableQuery({ name, value }: RoutingCondition): boolean {
  return QUERY_NAME.test(name) && !/[\p{Cc}\p{Cs}]/u.test(value);
}
