import { invalidFields } from "@millrace/errors";

// Resource names (AIP-122): `projects/{project}/groups/{group}/…`. One table of segments; parse and format both read it.

const ID = {
  project: { pattern: /^[a-z][a-z0-9-]{1,31}$/, rule: "2 to 32 of a-z, 0-9 and -, beginning with a letter" },
  function: {
    pattern: /^[A-Za-z][A-Za-z0-9_-]{0,63}$/,
    rule: "1 to 64 of letters, digits, _ and -, beginning with a letter",
  },
  version: { pattern: /^[1-9][0-9]{0,8}$/, rule: "a version number" },
  alias: {
    pattern: /^(?!LATEST$)(?!\d+$)[A-Za-z0-9_-]{1,32}$/,
    rule: "1 to 32 of letters, digits, _ and -, neither a number nor LATEST",
  },
  testEvent: {
    pattern: /^[A-Za-z][A-Za-z0-9_-]{0,31}$/,
    rule: "1 to 32 of letters, digits, _ and -, beginning with a letter",
  },
  group: {
    pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/,
    rule: "1 to 32 of letters, digits, _ and -, beginning with a letter or digit",
  },
  revision: { pattern: /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){2}$/, rule: "n.n.n, each n from 0 to 999" },
  api: {
    pattern: /^[A-Za-z][A-Za-z0-9_-]{0,63}$/,
    rule: "1 to 64 of letters, digits, _ and -, beginning with a letter",
  },
  environment: { pattern: /^(test|preview|online)$/, rule: "test, preview or online" },
  release: { pattern: /^[1-9][0-9]{0,8}$/, rule: "a release number" },
  request: { pattern: /^[A-Za-z0-9_-]{1,128}$/, rule: "a request's id: 1 to 128 of letters, digits, _ and -" },
  alarm: {
    pattern: /^[A-Za-z][A-Za-z0-9_-]{0,63}$/,
    rule: "1 to 64 of letters, digits, _ and -, beginning with a letter",
  },
  domain: {
    pattern: /^(?=.{1,233}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    rule: "a host in lower case and ASCII, such as api.example.com, of at most 233 characters",
  },
  key: { pattern: /^[A-Za-z0-9]{8,40}$/, rule: "a key id" },
  person: { pattern: /^[a-z0-9]{8,40}$/, rule: "a person's id" },
  token: { pattern: /^[a-z0-9]{8,40}$/, rule: "a token's id" },
} as const;

export type IdKind = keyof typeof ID;

const PATTERNS = {
  project: "projects/{project}",
  member: "projects/{project}/members/{person}",
  function: "projects/{project}/functions/{function}",
  functionVersion: "projects/{project}/functions/{function}/versions/{version}",
  alias: "projects/{project}/functions/{function}/aliases/{alias}",
  testEvent: "projects/{project}/functions/{function}/testEvents/{testEvent}",
  group: "projects/{project}/groups/{group}",
  revision: "projects/{project}/groups/{group}/revisions/{revision}",
  api: "projects/{project}/groups/{group}/revisions/{revision}/apis/{api}",
  deployment: "projects/{project}/groups/{group}/deployments/{environment}",
  release: "projects/{project}/groups/{group}/deployments/{environment}/releases/{release}",
  request: "projects/{project}/requests/{request}",
  unroutedRequest: "unroutedRequests/{request}",
  alarm: "projects/{project}/alarms/{alarm}",
  domain: "projects/{project}/domains/{domain}",
  authorization: "projects/{project}/groups/{group}/deployments/{environment}/authorizations/{key}",
  accessKey: "projects/{project}/accessKeys/{key}",
  subscriptionKey: "projects/{project}/subscriptionKeys/{key}",
  person: "people/{person}",
  token: "tokens/{token}",
} as const;

export type ResourceKind = keyof typeof PATTERNS;

type Variables<P extends string> = P extends `${string}{${infer V}}${infer Rest}` ? V | Variables<Rest> : never;
/** The ids in a resource's name, e.g. `{project, group, revision}`. */
export type ResourceIds<K extends ResourceKind> = Record<Variables<(typeof PATTERNS)[K]>, string>;

/** Takes a name apart. `field` names the request's field in the error. Throws `invalid_argument` request_invalid. */
export function parseName<K extends ResourceKind>(kind: K, name: string, field = "name"): ResourceIds<K> {
  const expected = PATTERNS[kind].split("/");
  const actual = name.split("/");
  const ids: Record<string, string> = {};
  const fits =
    expected.length === actual.length && expected.every((part, i) => (!isVariable(part) ? part === actual[i] : true));
  if (!fits) throw invalidFields([{ field, description: `must have the form ${PATTERNS[kind]}` }]);
  expected.forEach((part, i) => {
    if (isVariable(part)) ids[part.slice(1, -1)] = checkId(part.slice(1, -1) as IdKind, actual[i]!, field);
  });
  return ids as ResourceIds<K>;
}

export function formatName<K extends ResourceKind>(kind: K, ids: ResourceIds<K>): string {
  return PATTERNS[kind].replace(/\{(\w+)\}/g, (_, variable) => (ids as Record<string, string>)[variable]!);
}

/** Checks an id that a client chose. Throws `invalid_argument` request_invalid naming `field`. */
export function checkId(kind: IdKind, id: string, field: string): string {
  if (ID[kind].pattern.test(id)) return id;
  throw invalidFields([
    { field, description: id === "" ? `is required: ${ID[kind].rule}` : `must be ${ID[kind].rule}` },
  ]);
}

function isVariable(part: string): boolean {
  return part.startsWith("{");
}
