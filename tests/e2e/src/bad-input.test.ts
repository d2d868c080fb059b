/** Nonsense for every method of the contracts: one clear line that names the field, never a 5xx, never silence. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { type Bridge, type BridgeAnswer, bridge } from "./support/bridge.ts";
import { type ContractMethod, METHODS, PUBLIC_METHODS, wrongValueOf } from "./support/contract.ts";
import { provision } from "./support/provision.ts";
import { testPlatform } from "./support/test-platform.ts";

const ANSWER_MS_MAX = 5_000;
const GRPC = { OK: 0, INVALID_ARGUMENT: 3, PERMISSION_DENIED: 7, INTERNAL: 13, UNAUTHENTICATED: 16 };
/** These end the credential that they are called with. */
const ENDS_ITS_CREDENTIAL = new Set(["PeopleService.SignOut"]);
const NEEDS_NO_CREDENTIAL = new Set([
  "PeopleService.SignIn",
  "PeopleService.AcceptInvitation",
  "PeopleService.Register",
]);

const platform = await testPlatform();
const { rpc } = platform;
const shop = await provision(rpc, { apis: {}, environments: [] });
const projectId = shop.project.split("/")[1]!;
const operatorToken = (await rpc.call(TokenServiceService.createToken, { displayName: "bad input" })).secret;
const operator = bridge(platform.consoleUrl, operatorToken);
const nobody = bridge(platform.consoleUrl, undefined);
const outsider = bridge(platform.consoleUrl, await tokenOfOutsider());

async function tokenOfOutsider(): Promise<string> {
  const { invitationToken } = await rpc.call(PeopleServiceService.invitePerson, { email: "outsider@example.com" });
  const accepted = await rpc.call(PeopleServiceService.acceptInvitation, {
    invitationToken,
    displayName: "Outsider",
    password: "correct horse battery",
  });
  return accepted.token;
}

const callable = PUBLIC_METHODS.filter(({ title }) => !ENDS_ITS_CREDENTIAL.has(title));

async function ask(as: Bridge, { service, method, title }: ContractMethod, request: unknown): Promise<BridgeAnswer> {
  const startedAt = performance.now();
  const answer = await as(service, method, request);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < ANSWER_MS_MAX, `${title} took ${tookMs.toFixed(0)} ms`);
  assert.ok(answer.status < 500, `${title} ${JSON.stringify(request).slice(0, 200)}: ${answer.status} ${answer.text}`);
  return answer;
}

/** A refusal is one line, and one for a field names it and is listed. */
function assertClear(title: string, { status, contentType, body, text }: BridgeAnswer): void {
  assert.ok(status >= 400 && status < 500, `${title}: ${status} ${text}`);
  assert.equal(contentType, "application/problem+json", title);
  const { detail, reason, code } = body as { detail: string; reason: string; code: string };
  assert.ok(typeof detail === "string" && detail.length > 0 && !detail.includes("\n"), `${title}: ${text}`);
  assert.match(reason, /^[a-z_]+$/, title);
  if (code === "invalid_argument") {
    const [first] = violationsOf(body);
    assert.ok(first !== undefined && detail.includes(first.field), `${title} names no field: ${text}`);
  }
}

type Violation = { readonly field: string; readonly description: string };
const violationsOf = (body: Record<string, unknown>): Violation[] => (body.violations ?? []) as Violation[];

function assertNames(title: string, answer: BridgeAnswer, field: string): void {
  assert.equal(answer.status, 400, `${title} ${field}: ${answer.status} ${answer.text}`);
  assertClear(title, answer);
  const named = violationsOf(answer.body).some((violation) => violation.field.split(/[.[]/)[0] === field);
  assert.ok(named, `${title} does not name ${field}: ${answer.text}`);
}

/** Without a parent it is the whole platform that is asked for. */
const OF_THE_PLATFORM_TOO = ["AuditService.ListAuditEvents"];

/** The field by which a method finds its resource. */
const nameFieldOf = ({ title, fields }: ContractMethod): string | undefined =>
  OF_THE_PLATFORM_TOO.includes(title)
    ? undefined
    : ["parent", "name"].find((name) => fields.some((field) => field.name === name));

const isProjects = async (method: ContractMethod): Promise<boolean> => (await formOf(method)).startsWith("projects/");

/** The form of resource name that a method wants, as its own refusal tells. */
async function formOf(method: ContractMethod): Promise<string> {
  const field = nameFieldOf(method)!;
  const answer = await ask(operator, method, { [field]: `projects/${projectId}/a/b/c/d/e/f/g/h` });
  const form = /must have the form ([\w{}/]+)/.exec(answer.text)?.[1];
  assert.ok(form !== undefined, `${method.title} tells no form: ${answer.text}`);
  return form;
}

const IDS: Record<string, string> = {
  project: projectId,
  function: "none",
  version: "1",
  alias: "live",
  group: "none",
  revision: "0.0.1",
  api: "none",
  environment: "online",
  release: "1",
  domain: "none.example.com",
  key: "AAAAAAAAAAAAAAAAAAAA",
  person: "aaaaaaaaaaaa",
  token: "aaaaaaaaaaaa",
};

const filled = (form: string): string => form.replace(/\{(\w+)\}/g, (_, id: string) => IDS[id] ?? "none");

test("the contracts are read: there are methods of both services", () => {
  assert.ok(PUBLIC_METHODS.length > 60, `${PUBLIC_METHODS.length} methods`);
});

describe("over the bridge", () => {
  test("an empty request is refused by the field it lacks, or answered where nothing is needed", async () => {
    for (const method of callable.filter(({ kind }) => kind === "unary")) {
      const answer = await ask(operator, method, {});
      if (answer.status === 200) {
        assert.equal(nameFieldOf(method), undefined, `${method.title} accepts an empty request`);
        continue;
      }
      assertClear(method.title, answer);
      const field = nameFieldOf(method);
      if (field !== undefined) assertNames(method.title, answer, field);
    }
  });

  test("a malformed resource name is refused by its field", async () => {
    const malformed = [
      "x",
      "projects/",
      "projects/../..",
      "/",
      "projects/a%2Fb/c",
      `projects/${"a".repeat(5_000)}`,
      "\u0000",
    ];
    for (const method of callable.filter(({ kind }) => kind === "unary")) {
      const field = nameFieldOf(method);
      if (field === undefined) continue;
      for (const name of malformed) assertNames(method.title, await ask(operator, method, { [field]: name }), field);
    }
  });

  test("a field of a wrong type is refused by its name", async () => {
    for (const method of callable) {
      for (const field of method.fields) {
        const request = { [field.jsonName]: wrongValueOf(field) };
        const answer = await ask(operator, method, method.kind === "client_streaming" ? [request] : request);
        assertNames(`${method.title}.${field.name}`, answer, field.name);
      }
    }
  });

  test("an unknown field, a body that is no object and a body that is no JSON are refused", async () => {
    for (const method of callable.filter(({ kind }) => kind === "unary")) {
      assertNames(method.title, await ask(operator, method, { noSuchField: 1 }), "noSuchField");
      for (const body of ["[]", "7", "null", "{", '{"name":"a"', "\u0000"]) {
        assertClear(method.title, await ask(operator, method, body));
      }
    }
  });

  test("a page size outside its bounds, and a page token of nobody, are refused by their names", async () => {
    for (const method of callable.filter(({ fields }) => fields.some(({ name }) => name === "page_size"))) {
      const field = nameFieldOf(method);
      const parent = field === undefined ? {} : { [field]: filled(await formOf(method)) };
      for (const pageSize of [-1, 100_000]) {
        const answer = await ask(operator, method, { ...parent, pageSize });
        if (answer.status !== 404) assertNames(method.title, answer, "page_size");
      }
      const answer = await ask(operator, method, { ...parent, pageToken: "bm9ib2R5" });
      if (answer.status !== 404) assertNames(method.title, answer, "page_token");
    }
  });

  test("a project of somebody else is hidden in every method that names one", async () => {
    let hidden = 0;
    for (const method of callable.filter(({ kind }) => kind === "unary")) {
      const field = nameFieldOf(method);
      if (field === undefined || !(await isProjects(method))) continue;
      const answer = await ask(outsider, method, { [field]: filled(await formOf(method)) });
      assert.equal(answer.status, 404, `${method.title}: ${answer.text}`);
      assert.equal(answer.body.reason, "project_not_found", method.title);
      hidden++;
    }
    assert.ok(hidden > 40, `${hidden} methods`);
  });

  test("what does not exist is not_found, and the line says what was sought", async () => {
    for (const method of callable.filter(({ kind, method: name }) => kind === "unary" && /^(Get|Delete)/.test(name))) {
      const field = nameFieldOf(method);
      if (field === undefined || method.service.endsWith("ProjectService")) continue;
      const answer = await ask(operator, method, { [field]: filled(await formOf(method)) });
      assert.equal(answer.status, 404, `${method.title}: ${answer.text}`);
      assertClear(method.title, answer);
    }
  });

  test("without a credential, and with one that nobody has, every method but the signing in is 401", async () => {
    const stranger = bridge(platform.consoleUrl, "mrt_nobody000000000000000000000000");
    for (const method of callable.filter(({ title }) => !NEEDS_NO_CREDENTIAL.has(title))) {
      const request = method.kind === "client_streaming" ? [] : {};
      for (const [as, reason] of [
        [nobody, "credential_missing"],
        [stranger, "token_invalid"],
      ] as const) {
        const answer = await ask(as, method, request);
        assertClear(method.title, answer);
        assert.deepEqual([answer.status, answer.body.reason], [401, reason], `${method.title}: ${answer.text}`);
      }
    }
  });

  test("what is for services only is not there", async () => {
    for (const method of METHODS.filter(({ internal }) => internal)) {
      const answer = await ask(operator, method, {});
      assert.deepEqual([answer.status, answer.body.reason], [404, "route_not_found"], method.title);
    }
  });
});

describe("over gRPC", () => {
  const clients = new Map(
    [platform.controlPlaneAddress, platform.authAddress].map((address) => [
      address,
      new Client(address, credentials.createInsecure()),
    ]),
  );

  after(() => {
    for (const client of clients.values()) client.close();
  });

  /** The status code of a call with exactly these bytes. */
  function status(method: ContractMethod, bytes: Buffer, token: string | undefined): Promise<number> {
    const address = method.service.startsWith("millrace.auth.") ? platform.authAddress : platform.controlPlaneAddress;
    const metadata = new Metadata();
    if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
    const same = (value: Buffer): Buffer => value;
    const options = { deadline: Date.now() + ANSWER_MS_MAX };
    const { promise, resolve } = Promise.withResolvers<number>();
    const settle = (error: ServiceError | null): void => resolve(error?.code ?? GRPC.OK);
    const client = clients.get(address)!;
    if (method.kind === "client_streaming") {
      const call = client.makeClientStreamRequest(method.path, same, same, metadata, options, settle);
      call.write(bytes);
      call.end();
    } else {
      client.makeUnaryRequest(method.path, same, same, bytes, metadata, options, settle);
    }
    return promise;
  }

  const EMPTY = Buffer.alloc(0);
  const OUR_FAULT = [1, 2, 4, 12, GRPC.INTERNAL, 14, 15];

  test("an empty request is answered in time, and never as a fault of ours", async () => {
    for (const method of callable) {
      // Who may follow what no project has, and asks for nothing else, is right to wait.
      if (method.kind === "server_streaming" && nameFieldOf(method) === undefined) continue;
      const code = await status(method, EMPTY, operatorToken);
      assert.ok(!OUR_FAULT.includes(code), `${method.title}: status ${code}`);
      if (nameFieldOf(method) !== undefined) assert.equal(code, GRPC.INVALID_ARGUMENT, method.title);
    }
  });

  test("bytes that are no message are answered in time with an error", async () => {
    for (const method of callable) {
      const code = await status(method, Buffer.from("ffffffffffff7f", "hex"), operatorToken);
      assert.ok(code !== GRPC.OK && code !== 4, `${method.title}: status ${code}`);
    }
  });

  test("without a credential every method but the signing in is unauthenticated", async () => {
    for (const method of METHODS.filter(({ title }) => !NEEDS_NO_CREDENTIAL.has(title))) {
      assert.equal(await status(method, EMPTY, undefined), GRPC.UNAUTHENTICATED, method.title);
    }
  });

  test("what is for services refuses people, operators too", async () => {
    for (const method of METHODS.filter(({ internal }) => internal)) {
      assert.equal(await status(method, EMPTY, operatorToken), GRPC.PERMISSION_DENIED, method.title);
    }
  });
});

test("after all that, the platform still serves and nobody has crashed", async () => {
  const { projects } = await rpc.call(ProjectServiceService.listProjects, {});
  assert.ok(projects.some(({ name }) => name === shop.project));
  assert.deepEqual(
    platform.said.filter((line) => / ended \(/.test(line)),
    [],
  );
});
