import { LIMITS } from "../limits.ts";

// How two sets of APIs differ, field by field.

export interface FieldDifference {
  /** e.g. `backend.qualifier`, `parameters.path:petId.required` */
  path: string;
  /** JSON, cut when it is long; empty when there was none, or is none. */
  before: string;
  after: string;
}

export interface ApiDifference {
  id: string;
  kind: "added" | "removed" | "changed";
  /** Of a changed API, by path. */
  fields: readonly FieldDifference[];
}

/** Differences by id. When there are very many, those of the last APIs are told without their fields. */
export function differencesOf(
  before: ReadonlyMap<string, object>,
  after: ReadonlyMap<string, object>,
): ApiDifference[] {
  const differences: ApiDifference[] = [];
  let told = 0;
  for (const id of [...new Set([...before.keys(), ...after.keys()])].toSorted()) {
    const [old, next] = [before.get(id), after.get(id)];
    if (!old || !next) {
      differences.push({ id, kind: old ? "removed" : "added", fields: [] });
      continue;
    }
    const fields = fieldsThatDiffer(old, next);
    if (fields.length === 0) continue;
    differences.push({ id, kind: "changed", fields: fields.slice(0, Math.max(0, LIMITS.diffFieldsMax - told)) });
    told += fields.length;
  }
  return differences;
}

function fieldsThatDiffer(before: object, after: object): FieldDifference[] {
  const [old, next] = [leavesOf(before), leavesOf(after)];
  return [...new Set([...old.keys(), ...next.keys()])]
    .toSorted()
    .filter((path) => old.get(path) !== next.get(path))
    .map((path) => ({ path, before: cut(old.get(path)), after: cut(next.get(path)) }));
}

/** JSON by path. Items that have a name go by it, so that one more in their midst is one difference; other arrays are compared as they are. */
function leavesOf(value: unknown, path = "", leaves = new Map<string, string>()): Map<string, string> {
  const inner = membersOf(value);
  if (!inner) leaves.set(path, JSON.stringify(value));
  else for (const [key, member] of inner) leavesOf(member, path === "" ? key : `${path}.${key}`, leaves);
  return leaves;
}

function membersOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!Array.isArray(value)) return Object.entries(value).filter(([, member]) => member !== undefined);
  const names = value.map((item: unknown) => nameOf(item));
  const areNames =
    names.length > 0 && names.every((name) => name !== undefined) && new Set(names).size === names.length;
  return areNames ? value.map((item, i) => [names[i]!, item]) : undefined;
}

function nameOf(item: unknown): string | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  const { name, location, status } = item as Record<string, unknown>;
  if (typeof status === "string") return status;
  if (typeof name !== "string") return undefined;
  return typeof location === "string" ? `${location}:${name}` : name;
}

function cut(json: string | undefined): string {
  if (json === undefined) return "";
  return json.length <= LIMITS.diffValueCharsMax ? json : `${json.slice(0, LIMITS.diffValueCharsMax)} …`;
}
