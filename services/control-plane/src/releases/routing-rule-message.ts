import type { RoutingRules } from "@millrace/proto/control/v1/deployments";
import { toBackendDraft, toBackendMessage } from "../apis/backend-message.ts";
import type { RoutingRule } from "./release.ts";
import type { RoutingRuleDraft } from "./routing-rule-draft.ts";

export function toRoutingRuleDrafts({ rules }: RoutingRules): RoutingRuleDraft[] {
  return rules.map((rule) => ({ ...rule, backend: rule.backend ? toBackendDraft(rule.backend) : { kind: "none" } }));
}

export function toRoutingRulesMessage(project: string, rules: readonly RoutingRule[]): RoutingRules {
  return {
    rules: rules.map(({ name, headers, query, backend }) => ({
      name,
      headers: [...headers],
      query: [...query],
      backend: toBackendMessage(project, backend),
    })),
  };
}
