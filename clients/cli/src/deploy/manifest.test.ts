import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { folderWith, run } from "../command-line-fixture.ts";
import { egressText } from "../egress.ts";
import { parseManifest } from "./manifest.ts";
import { parseRules } from "./manifest-backend.ts";

const FILES = { "a.ts": "", "openapi.yaml": "", "secrets.env": "" };

function faultsOf(folder: string, text: string): string[] {
  try {
    parseManifest("millrace.yaml", folder, text);
  } catch (error) {
    assert.ok(error instanceof PlatformError);
    return error.violations.map(({ field, description }) => `${field}: ${description}`);
  }
  return [];
}

test("a manifest is read with its defaults", (t) => {
  const folder = folderWith(t, FILES);
  const { functions, groups } = parseManifest(
    "millrace.yaml",
    folder,
    "functions:\n  a: { code: a.ts }\ngroups:\n  g: { openapi: openapi.yaml, environments: [online, online] }\n",
  );
  assert.deepEqual(
    functions.map(({ id, memoryMib, handler, code }) => ({ id, memoryMib, handler, code })),
    [{ id: "a", memoryMib: 0, handler: "", code: `${folder}/a.ts` }],
  );
  const releases = [{ environment: "online", backend: undefined, rules: undefined, note: "" }];
  assert.deepEqual(groups, [
    { id: "g", description: "", openapi: `${folder}/openapi.yaml`, prefix: "", access: "authorized", releases },
  ]);
});

test("where a function may connect to is a word or a list", (t) => {
  const folder = folderWith(t, FILES);
  const egressOf = (text: string) => {
    const { functions } = parseManifest("millrace.yaml", folder, `functions:\n  a: { code: a.ts${text} }\n`);
    return egressText(functions[0]?.egress);
  };
  assert.deepEqual(["", ", egress: http", ", egress: none"].map(egressOf), ["http", "http", "none"]);
  assert.equal(egressOf(", egress: [DB.example.com:5432, '[::1]:6379']"), "db.example.com:5432,[::1]:6379");
  assert.equal(egressOf(", egress: db.example.com:5432"), "db.example.com:5432");
});

test("an environment may have a backend of its own", (t) => {
  const folder = folderWith(t, FILES);
  const { groups } = parseManifest(
    "millrace.yaml",
    folder,
    `groups:
  g:
    openapi: openapi.yaml
    backend: { function: a, eventFormat: aws-2 }
    release:
      online:
      test: { note: a try, backend: { mock: { status: 204, headers: { x-a: b } } } }
`,
  );
  const { kind, ...rest } = groups[0]!.releases[1]!.backend!;
  assert.deepEqual([kind, rest], ["function", { function: "a", qualifier: "", eventFormat: "aws-2" }]);
  const [http, bare] = parseManifest(
    "m.yaml",
    ".",
    `groups:
  g: { openapi: ., backend: { http: { url: "https://a.example", timeoutMs: 500, retries: 0, forwardHost: true } }, environments: [test] }
  h: { openapi: ., backend: { http: "http://b.example/v1" }, environments: [test] }
`,
  ).groups.map(({ releases }) => releases[0]!.backend);
  const more = { timeoutMs: 500, retries: 0, forwardHost: true, signingKey: "" };
  assert.deepEqual(http, { kind: "http", url: "https://a.example", ...more });
  const none = { timeoutMs: 0, retries: undefined, forwardHost: false, signingKey: "" };
  assert.deepEqual(bare, { kind: "http", url: "http://b.example/v1", ...none });
  assert.deepEqual(groups[0]!.releases[0], {
    environment: "test",
    rules: undefined,
    note: "a try",
    backend: { kind: "mock", status: 204, headers: { "x-a": "b" }, body: "" },
  });
});

const SAMPLES: [title: string, text: string, fault: string][] = [
  [
    "a key that is not known",
    "functions:\n  a:\n    code: a.ts\n    memory: 128\n",
    "4:5: functions.a.memory: is not known here",
  ],
  [
    "a number out of bounds",
    "functions:\n  a: { code: a.ts, memoryMib: 64 }\n",
    "2:31: functions.a.memoryMib: must be a whole",
  ],
  [
    "a place to connect to without a port",
    "functions:\n  a: { code: a.ts, egress: [db.example.com] }\n",
    "2:28: functions.a.egress: must be none, http, or a list of host:port",
  ],
  [
    "a place to connect to that is no word for one",
    "functions:\n  a: { code: a.ts, egress: all }\n",
    "2:28: functions.a.egress: must be none, http, or a list of host:port",
  ],
  [
    "a number as text",
    "functions:\n  a: { code: a.ts, timeoutMs: '9' }\n",
    "2:31: functions.a.timeoutMs: must be a whole",
  ],
  [
    "more instances than are kept loaded",
    "functions:\n  a: { code: a.ts, aliases: { live: { minInstances: 17 } } }\n",
    "2:53: functions.a.aliases.live.minInstances: must be a whole number from 0 to 16",
  ],
  ["a required value that is missing", "functions:\n  a: { entry: a.ts }\n", "functions.a.code: is required"],
  ["code that is not there", "functions:\n  a: { code: b.ts }\n", "2:14: functions.a.code: names b.ts, which does not"],
  [
    "a variable that is no text",
    "functions:\n  a:\n    code: a.ts\n    environment: { N: 1 }\n",
    "4:23: functions.a.environment.N: must be text",
  ],
  [
    "an environment that does not exist",
    "groups:\n  g: { openapi: openapi.yaml, environments: [live] }\n",
    "2:46: groups.g.environments[0]: must be one of test",
  ],
  [
    "a backend that is two",
    "groups:\n  g: { openapi: openapi.yaml, backend: { function: a, mock: {} } }\n",
    "2:40: groups.g.backend: must have one of",
  ],
  [
    "a backend that is a word",
    "groups:\n  g: { openapi: openapi.yaml, backend: a }\n",
    "2:40: groups.g.backend: must be an object such as { function: hello }",
  ],
  ["a list where an object belongs", "functions: [a]\n", "1:12: functions: must be an object"],
  ["a key given twice", "functions:\n  a: { code: a.ts }\n  a: { code: a.ts }\n", "3:3: Map keys must be unique"],
  ["YAML that cannot be read", "functions: {\n", "2:1: "],
  ["an empty file", "", "1:1: is empty"],
];

for (const [title, text, fault] of SAMPLES) {
  test(`${title} is refused with its place`, (t) => {
    const faults = faultsOf(folderWith(t, FILES), text);
    assert.ok(
      faults.some((line) => line.startsWith("millrace.yaml:") && line.includes(fault)),
      faults.join("\n"),
    );
  });
}

test("every fault is told, in one line and with the exit code of wrong use", async (t) => {
  const folder = folderWith(t, { "millrace.yaml": "project: 7\nfunctions:\n  a: {}\n" });
  const { exitCode, stderr, stdout } = await run(folder, ["deploy"]);
  assert.deepEqual([exitCode, stdout], [2, ""]);
  assert.match(
    stderr,
    /^error: millrace\.yaml:1:10: project: must be text.*; millrace\.yaml:.*functions\.a\.code: is required\n$/,
  );
});

test("rules are a list, each with conditions and a backend", () => {
  const text = `- name: canary
  headers: { X-Canary: "1" }
  backend: { http: "https://canary.example.com" }
- { name: beta, query: { v: "2" }, backend: { mock: {} } }
`;
  const [canary, beta] = parseRules("rules.yaml", text);
  const http = {
    kind: "http",
    url: "https://canary.example.com",
    timeoutMs: 0,
    retries: undefined,
    forwardHost: false,
    signingKey: "",
  };
  assert.deepEqual(canary, { name: "canary", headers: { "X-Canary": "1" }, query: {}, backend: http });
  assert.deepEqual([beta!.query, beta!.backend.kind], [{ v: "2" }, "mock"]);
  assert.deepEqual(parseRules("rules.yaml", "[]"), []);
  const faulty: [text: string, fault: RegExp][] = [
    ["- { name: a }", /backend: is required/],
    ["- { backend: { mock: {} } }", /name: is required/],
    ["- { name: a, header: {}, backend: { mock: {} } }", /header: is not known here/],
    ["name: a", /must be a list/],
  ];
  for (const [rules, fault] of faulty) assert.throws(() => parseRules("rules.yaml", rules), fault, rules);
});
