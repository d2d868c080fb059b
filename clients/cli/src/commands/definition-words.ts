import { ArrayFormat, EventFormat, MatchType, ParameterLocation, ParameterType } from "@millrace/proto/control/v1/apis";

// Enumerations in a definition that people write: the platform's messages say `prefix` where its interface says MATCH_TYPE_PREFIX.

type Enumeration = Readonly<Record<string, number>>;

const ENUMERATIONS = new Map<string, Enumeration>([
  ["match", MatchType],
  ["location", ParameterLocation],
  ["backendLocation", ParameterLocation],
  ["type", ParameterType],
  ["arrayFormat", ArrayFormat],
  ["eventFormat", EventFormat],
]);

/** Words are made numbers, which the generated decoder reads; what is no word stays as it is. */
export function withoutWords(value: unknown, key = ""): unknown {
  const enumeration = ENUMERATIONS.get(key);
  if (enumeration && typeof value === "string") return wordsOf(enumeration).get(value) ?? value;
  if (Array.isArray(value)) return value.map((child) => withoutWords(child));
  // A header may have any name.
  if (typeof value !== "object" || value === null || key === "headers") return value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, withoutWords(child, name)]));
}

/** What a field takes, as an error says it; undefined when it is no enumeration. */
export function wordsText(key: string): string | undefined {
  const enumeration = ENUMERATIONS.get(key);
  return enumeration && `must be one of ${[...wordsOf(enumeration).keys()].join(", ")}`;
}

function wordsOf(enumeration: Enumeration): Map<string, number> {
  const members = Object.entries(enumeration).filter(([, number]) => number > 0);
  return new Map(members.map(([name, number]) => [name.toLowerCase().replaceAll("_", "-"), number]));
}
