/** The ways in which signers write a query; canonical.ts tells who writes which and why none hides a change. */
import { IN_QUERY, IN_QUERY_WITH_EQUALS, respell } from "./spelling.ts";

/**
 * How much of a request a form must bind.
 * - `exact`: a signature opens one request. A sorted form is refused where sorting would hide a difference.
 * - `sigv4`: what the SigV4 documents say: the order of a repeated parameter's values, `a` against `a=`, and runs of
 *   blanks inside a header's value are free.
 */
export type Coverage = "exact" | "sigv4";

/** A parameter as sent; the value is undefined where there is no `=`. `name` is its key in the one spelling. */
interface Parameter {
  readonly name: string;
  readonly key: string;
  readonly value: string | undefined;
}

type Writer = (parameter: Parameter) => string;

/** Sorts below every byte that a key can hold, so that entries sort by key first and then by value. */
const BETWEEN = "\u0001";

const spelled = (text: string): string => respell(text, IN_QUERY, "space");
const equalsKept = (text: string): string => respell(text, IN_QUERY_WITH_EQUALS, "space");

const writeSpelled: Writer = ({ name, value }) => name + BETWEEN + spelled(value ?? "");
const writeEqualsKept: Writer = ({ name, value }) => name + BETWEEN + equalsKept(value ?? "");
const writeAsSent: Writer = ({ key, value }) => key + BETWEEN + (value ?? "");

/** SigV4's canonical query: decoded, encoded, sorted by key and value, `a` written `a=`. */
export const canonicalQuery = (query: string): string => sorted(parametersOf(query).map(writeSpelled));

/** The candidates in order, without repetition. The query as sent is always the last of them. */
export function queryForms(query: string, coverage: Coverage): string[] {
  if (query === "") return [""];
  const parameters = parametersOf(query);
  const forms = new Set<string>();
  for (const write of [writeSpelled, writeEqualsKept, writeAsSent]) {
    const entries = parameters.map(write);
    if (coverage === "sigv4" || hiddenBySorting(parameters, entries) === undefined) forms.add(sorted(entries));
  }
  return [...forms.add(query)];
}

/** Says what SigV4's canonical form of this query would not bind, or undefined when it binds everything. */
export function hiddenByCanonicalQuery(query: string): string | undefined {
  const parameters = parametersOf(query);
  return hiddenBySorting(parameters, parameters.map(writeSpelled));
}

/** `a=1&&b` has two parameters: an empty piece says nothing. */
function parametersOf(query: string): Parameter[] {
  const parameters: Parameter[] = [];
  for (const piece of query.split("&")) {
    if (piece === "") continue;
    const equals = piece.indexOf("=");
    const key = equals < 0 ? piece : piece.slice(0, equals);
    parameters.push({ name: spelled(key), key, value: equals < 0 ? undefined : piece.slice(equals + 1) });
  }
  return parameters;
}

function hiddenBySorting(parameters: readonly Parameter[], entries: readonly string[]): string | undefined {
  const lastOf = new Map<string, string>();
  for (const [index, { name, value }] of parameters.entries()) {
    if (value === undefined) return `a query parameter has no "="`;
    const entry = entries[index] as string;
    const last = lastOf.get(name);
    if (last !== undefined && last > entry) return "a repeated query parameter has its values out of order";
    lastOf.set(name, entry);
  }
  return undefined;
}

const sorted = (entries: readonly string[]): string => entries.toSorted().join("&").replaceAll(BETWEEN, "=");
