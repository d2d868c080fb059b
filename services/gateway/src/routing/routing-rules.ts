import type { RoutingCondition, RoutingRule as RoutingRuleRecord } from "@millrace/proto/release/v1/release";

// Rules that send some requests of a route elsewhere, compiled with the plan. A route without rules pays nothing for them.

/** What a rule looks at. */
export interface RoutedRequest {
  /** With its question mark, or empty. */
  query: string;
  /** Flat, names in lower case. */
  headers: readonly string[];
}

export interface CompiledRule<R> {
  headers: readonly RoutingCondition[];
  query: readonly RoutingCondition[];
  /** What the request is routed to. */
  route: R;
}

export function compileRule<R>({ headers, query }: RoutingRuleRecord, route: R): CompiledRule<R> {
  return { headers: headers.map(({ name, value }) => ({ name: name.toLowerCase(), value })), query, route };
}

/** What the first rule that the request fits routes it to, or null. */
export function routedElsewhere<R>(rules: readonly CompiledRule<R>[], request: RoutedRequest): R | null {
  let pairs: readonly string[] | null = null;
  for (const { headers, query, route } of rules) {
    if (!headers.every((condition) => holds(request.headers, condition))) continue;
    if (query.length > 0) pairs ??= pairsOf(request.query);
    if (query.every((condition) => holds(pairs!, condition))) return route;
  }
  return null;
}

/** Whether one of the flat pairs is the condition's. */
function holds(pairs: readonly string[], { name, value }: RoutingCondition): boolean {
  for (let at = 0; at < pairs.length; at += 2) {
    if (pairs[at] === name && pairs[at + 1] === value) return true;
  }
  return false;
}

/** Flat, decoded; what cannot be decoded stays as it was typed. */
function pairsOf(query: string): string[] {
  const pairs: string[] = [];
  for (const pair of query.slice(1).split("&")) {
    const end = pair.indexOf("=");
    pairs.push(decoded(end === -1 ? pair : pair.slice(0, end)), decoded(end === -1 ? "" : pair.slice(end + 1)));
  }
  return pairs;
}

function decoded(text: string): string {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
