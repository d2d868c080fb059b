import fc from "fast-check";
import { type ApiDefinition, ARRAY_FORMATS, type Content, METHODS } from "../apis/api.ts";
import { type ApiDraft, readDefinition } from "../apis/api-draft.ts";
import { routeOf } from "../apis/route.ts";
import { Violations } from "../requests/violations.ts";
import { GROUP } from "./round-trip-fixture.ts";
import { referencesOf } from "./schema-references.ts";

// Definitions as the platform keeps them: of everything that an API can say, in any mixture.

const text = fc.string({ unit: "grapheme", maxLength: 12 }).filter((each) => !each.includes("\0"));
const line = fc.oneof(
  fc.constant(""),
  text.map((each) => each.replaceAll(/\s+/g, " ").trim()),
);
const json = (value: fc.Arbitrary<unknown>) => value.map((each) => JSON.stringify(each));

/** Names that schemas of different APIs use for different things. */
const NAMES = ["Pet", "Pet_2", "Owner"] as const;

const { schema } = fc.letrec<{ schema: object }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small", maxDepth: 3 },
    fc.record(
      { type: fc.constantFrom("string", "integer", ["string", "null"]), description: text },
      { requiredKeys: [] },
    ),
    fc.constantFrom(...NAMES).map((name) => ({ $ref: `#/$defs/${name}` })),
    fc.record({ enum: fc.array(fc.oneof(text, fc.integer(), fc.constant(null)), { minLength: 1, maxLength: 3 }) }),
    fc.record({ type: fc.constant("array"), items: tie("schema") }),
    fc.record({ properties: fc.dictionary(fc.constantFrom("$ref", "a", "größe"), tie("schema"), { maxKeys: 3 }) }),
    fc.record({
      oneOf: fc.array(tie("schema"), { minLength: 1, maxLength: 2 }),
      "x-note": fc.constant({ $ref: "data" }),
    }),
  ),
}));

/** With the definitions that it needs, and no others. */
const wholeSchema = fc.record({ own: schema, Pet: schema, Pet_2: schema, Owner: schema }).map(({ own, ...all }) => {
  const needed: Record<string, object> = {};
  const waiting = [own];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    for (const $ref of referencesOf(next)) {
      const name = $ref.replace("#/$defs/", "") as (typeof NAMES)[number];
      if (needed[name]) continue;
      needed[name] = all[name];
      waiting.push(all[name]);
    }
  }
  return JSON.stringify(Object.keys(needed).length > 0 ? { ...own, $defs: needed } : own);
});

const schemaText = fc.oneof(
  fc.constant(""),
  wholeSchema,
  fc.constant('{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true}'),
);

const content: fc.Arbitrary<Content> = fc.oneof(
  fc.record({
    mediaType: fc.constantFrom("application/json", "application/hal+json", "multipart/form-data"),
    schema: schemaText,
    example: fc.oneof(fc.constant(""), json(fc.jsonValue({ maxDepth: 2 }))),
  }),
  fc.record({ mediaType: fc.constantFrom("text/xml", "text/csv; header=present"), schema: line, example: text }),
);
const contents = (min: number) =>
  fc.uniqueArray(content, { minLength: min, maxLength: 3, selector: ({ mediaType }) => mediaType });
const body = fc
  .record({ contents: contents(1), required: fc.boolean(), description: text })
  .map(({ contents: [first, ...others], ...rest }) => ({ ...first!, others, ...rest }));

const PRESETS = {
  string: text,
  integer: fc.integer(),
  number: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0),
  boolean: fc.boolean(),
  array: fc.array(fc.integer(), { maxLength: 2 }),
};

const parameter = (name: string, location: string) =>
  fc.constantFrom(...(Object.keys(PRESETS) as (keyof typeof PRESETS)[])).chain((type) =>
    fc.record({
      name: fc.constant(name),
      location: fc.constant(location),
      type: fc.constant(type),
      required: fc.boolean(),
      deprecated: fc.boolean(),
      description: text,
      defaultJson: fc.oneof(fc.constant(""), json(PRESETS[type])),
      exampleJson: fc.oneof(fc.constant(""), json(fc.jsonValue({ maxDepth: 1 }))),
      schemaJson: fc.constantFrom(
        "",
        '{"minimum":1}',
        '{"enum":[1,"a"],"pattern":"^a"}',
        '{"$ref":"#/$defs/A","$defs":{"A":{"maximum":3}}}',
      ),
      arrayFormat: type === "array" && location === "query" ? fc.constantFrom("", ...ARRAY_FORMATS) : fc.constant(""),
    }),
  );

const segment = fc.constantFrom("a", "b%20c", "{x}", "{y}", "x:verb");
const path = fc.uniqueArray(segment, { maxLength: 3 }).map((segments) => `/${segments.join("/")}`);

const backend = fc.oneof(
  fc.constant(undefined),
  fc.record({
    kind: fc.constant("function" as const),
    function: fc.constant(`projects/${GROUP.project}/functions/pets`),
    qualifier: fc.constantFrom("", "3", "live"),
    eventFormat: fc.constantFrom("jd", "aws-1", "aws-2"),
  }),
  fc.record({
    kind: fc.constant("mock" as const),
    status: fc.constantFrom(0, 204, 503),
    headers: fc.dictionary(fc.constantFrom("x-a", "x-b"), fc.constantFrom("1", "true", "a: b")),
    body: text,
  }),
  fc.record({
    kind: fc.constant("http" as const),
    url: fc.constant("https://pets.example:8443/v1"),
    timeoutMs: fc.constantFrom(0, 5_000),
    forwardHost: fc.boolean(),
    signingKey: fc.constant(""),
  }),
);

const backendRequest = fc.record({
  method: fc.constantFrom("", "PUT"),
  path: fc.constantFrom("", "/there", "/there/{id}"),
  parameters: fc.constantFrom(
    [],
    [{ name: "q", location: "query", backendName: "id", backendLocation: "path" }],
    [{ name: "x", location: "path", backendName: "X-Id", backendLocation: "header" }],
  ),
  constants: fc.constantFrom([], [{ name: "größe", location: "query", value: "9" }]),
});

const responses = fc.uniqueArray(
  fc.record({
    status: fc.constantFrom("200", "201", "2XX", "404", "4XX", "500", "default"),
    description: fc.oneof(text, fc.constantFrom("OK", "Not Found")),
    contents: contents(0),
  }),
  { maxLength: 3, selector: ({ status }) => status },
);

const draft = path.chain((where) => {
  const placeholders = [...where.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameter(name!, "path"));
  return fc.record({
    method: fc.constantFrom(...METHODS),
    path: fc.constant(where),
    match: fc.constantFrom("exact", "prefix"),
    summary: line,
    description: text,
    tags: fc.uniqueArray(
      text.filter((each) => each !== ""),
      { maxLength: 2 },
    ),
    deprecated: fc.boolean(),
    parameters: fc.tuple(
      ...placeholders,
      parameter("q", "query"),
      parameter("größe", "query"),
      parameter("X-H", "header"),
    ),
    requestBody: fc.option(body, { nil: undefined }),
    responseBody: fc.option(body, { nil: undefined }),
    responseStatus: fc.constantFrom("", "200", "202", "2XX", "default"),
    responseDescription: text,
    otherResponses: responses,
    backend,
    backendRequest: fc.option(backendRequest, { nil: undefined, freq: 3 }),
  });
});

/** What the platform would keep of a draft; undefined when it would refuse it. */
function kept(each: ApiDraft): ApiDefinition | undefined {
  const violations = new Violations();
  const definition = readDefinition(each, GROUP.project, violations);
  return violations.found.length === 0 ? definition : undefined;
}

const definition = draft.map((each) => kept(each as ApiDraft)).filter((each) => each !== undefined);

export const revisions = fc
  .uniqueArray(fc.record({ id: fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,8}$/), definition }), {
    minLength: 1,
    maxLength: 4,
    selector: ({ id }) => id,
  })
  .map((apis) => {
    const byRoute = new Map(apis.map((api) => [routeOf(api.definition), api]));
    return [...byRoute.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  });
