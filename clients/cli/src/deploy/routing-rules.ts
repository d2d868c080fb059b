import type { RoutingCondition, RoutingRules } from "@millrace/proto/control/v1/deployments";
import { backendMessage, backendText } from "./backend.ts";
import type { ManifestRule } from "./manifest-backend.ts";

/** `project` is `projects/{id}`. */
export function rulesMessage(rules: readonly ManifestRule[], project: string): RoutingRules {
  return {
    rules: rules.map(({ name, headers, query, backend }) => ({
      name,
      headers: conditionsOf(headers),
      query: conditionsOf(query),
      backend: backendMessage(backend, project),
    })),
  };
}

/** In words, and equal for rules that mean the same. */
export function rulesText(rules: RoutingRules | undefined): string {
  return (rules?.rules ?? [])
    .map(({ name, headers, query, backend }) => {
      const lower = headers.map((condition) => ({ ...condition, name: condition.name.toLowerCase() }));
      const conditions = [...textsOf("header", lower), ...textsOf("query", query)];
      return `${name}: ${conditions.join(" and ")} → ${backendText(backend)}`;
    })
    .join("; ");
}

function conditionsOf(texts: Readonly<Record<string, string>>): RoutingCondition[] {
  return Object.entries(texts).map(([name, value]) => ({ name, value }));
}

function textsOf(place: string, conditions: readonly RoutingCondition[]): string[] {
  return conditions.map(({ name, value }) => `${place}.${name}=${value}`).sort();
}
