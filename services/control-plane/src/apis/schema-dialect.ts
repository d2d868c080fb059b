// The drafts of JSON Schema that schemas may be written in. `$schema` names one; without it a schema is 2020-12.

export const DIALECTS = [
  "https://json-schema.org/draft/2020-12/schema",
  "http://json-schema.org/draft-07/schema#",
  "http://json-schema.org/draft-04/schema#",
] as const;
export type Dialect = (typeof DIALECTS)[number];

/** OpenAPI 3.1's own is 2020-12 with words that check nothing. */
const OPENAPI = /^https:\/\/spec\.openapis\.org\/oas\/3\.1\/(?:dialect|schema-base)\/[\w-]+$/;

/** The one that `$schema` names; undefined when it is not known. */
export function dialectOf($schema: unknown): Dialect | undefined {
  if ($schema === undefined) return DIALECTS[0];
  if (typeof $schema !== "string") return undefined;
  if (OPENAPI.test($schema)) return DIALECTS[0];
  const plain = $schema.replace(/#$/, "").replace(/^https?:/, "");
  return DIALECTS.find((dialect) => dialect.replace(/#$/, "").replace(/^https?:/, "") === plain);
}
