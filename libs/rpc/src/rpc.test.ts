import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, test } from "node:test";
import { invalidFields, PlatformError } from "@millrace/errors";
import { type Project, ProjectServiceService, Quotas } from "@millrace/proto/control/v1/projects";
import { HealthService } from "@millrace/proto/google";
import {
  accessRows,
  type EndedCall,
  type HandlersOf,
  type Principal,
  RpcClient,
  RpcServer,
  ServiceIdentity,
  ServiceTrust,
  toStatus,
} from "./mod.ts";

const silent = { debug() {}, warn() {}, error() {} };
const DSN = "postgres://millrace:canary-7d1f@db/x";

/** In a status each of its characters is nine bytes. */
const LONG = "名".repeat(100);

const project = (name: string) => ({ name, displayName: "", etag: "", createdAt: undefined, updatedAt: undefined });
const handlers = {
  createProject: async () => {
    throw new Error(`cannot connect to ${DSN}`);
  },
  getProject: async ({ name }): Promise<Project> => project(name),
  listProjects: async ({ pageSize }) => {
    if (pageSize < 0) throw invalidFields([{ field: "page_size", description: "must be from 0 to 500" }]);
    throw invalidFields(Array.from({ length: pageSize }, (_, i) => ({ field: `keys.${i}`, description: LONG })));
  },
  getQuotas: async () => Quotas.create(),
  updateProject: async () => project("projects/never"),
  deleteProject: async () => ({}),
} as HandlersOf<typeof ProjectServiceService>;
const person = (name: string): Principal => ({
  kind: "person",
  name,
  email: "",
  operator: false,
  memberships: new Map([["mine", "viewer"]]),
  expiresAt: new Date(),
});
const server = new RpcServer({
  access: accessRows(ProjectServiceService, {
    createProject: { who: "person" },
    getProject: { who: "member", role: "viewer" },
    listProjects: { who: "person" },
    getQuotas: { who: "member", role: "viewer" },
    updateProject: { who: "member", role: "developer" },
    deleteProject: { who: "service", services: ["auth"] },
  }),
  authenticate: async (token) => (token === "ada" ? person("people/ada") : Promise.reject(unknownToken())),
  log: silent,
  onEnd: (call) => void ended.push(call),
});
const ended: EndedCall[] = [];
const unknownToken = () => new PlatformError("unauthenticated", "Who is this?", { reason: "token_invalid" });
let client: RpcClient;

before(async () => {
  const port = await server.add(ProjectServiceService, handlers).listen("127.0.0.1", 0);
  client = new RpcClient({ address: `127.0.0.1:${port}`, token: () => "ada" });
});
after(async () => {
  client.close();
  server.close();
});

const { createProject, getProject, listProjects, updateProject, deleteProject } = ProjectServiceService;
const refusal = (code: string, reason: string) => (error: unknown) => {
  assert.ok(error instanceof PlatformError);
  assert.deepEqual([error.code, error.reason], [code, reason]);
  return true;
};

test("a member reads; a stranger's project is not found; a role too low is denied; a person is no service", async () => {
  assert.equal((await client.call(getProject, { name: "projects/mine" })).name, "projects/mine");
  await assert.rejects(client.call(getProject, { name: "projects/other" }), refusal("not_found", "project_not_found"));
  await assert.rejects(client.call(getProject, { name: "mine" }), refusal("invalid_argument", "request_invalid"));
  const update = { name: "projects/mine", displayName: undefined, etag: "" };
  await assert.rejects(client.call(updateProject, update), refusal("permission_denied", "permission_denied"));
  await assert.rejects(
    client.call(deleteProject, { name: "projects/mine", etag: "" }),
    refusal("permission_denied", "permission_denied"),
  );
});

test("a call without a token, or with an unknown one, is unauthenticated", async () => {
  await assert.rejects(
    client.call(getProject, { name: "projects/mine" }, { token: "eve" }),
    refusal("unauthenticated", "token_invalid"),
  );
});

test("who measures hears of each call when it is over, once, with what it failed of", async () => {
  ended.length = 0;
  await client.call(getProject, { name: "projects/mine" });
  await assert.rejects(client.call(createProject, { projectId: "x", displayName: "", requestId: "" }));
  assert.deepEqual(
    ended.map(({ method, isStream, error }) => [method.split("/")[2], isStream, error?.code]),
    [
      ["GetProject", false, undefined],
      ["CreateProject", false, "internal"],
    ],
  );
  assert.ok(ended.every(({ startedAtMs, endedAtMs }) => startedAtMs <= endedAtMs));
});

test("field violations reach the client", async () => {
  await assert.rejects(client.call(listProjects, { pageSize: -1, pageToken: "" }), (error) => {
    assert.deepEqual((error as PlatformError).violations, [
      { field: "page_size", description: "must be from 0 to 500" },
    ]);
    return true;
  });
});

test("a refusal of any size arrives as what it is, with its first faults, and the connection stays usable", async () => {
  await assert.rejects(client.call(listProjects, { pageSize: 5_000, pageToken: "" }), (error) => {
    refusal("invalid_argument", "request_invalid")(error);
    const { message, violations } = error as PlatformError;
    assert.deepEqual(violations[0], { field: "keys.0", description: LONG });
    assert.match(message, /^keys\.0: 名+.* … \(cut\)$/);
    return true;
  });
  assert.equal((await client.call(getProject, { name: "projects/mine" })).name, "projects/mine");
});

test("a status has less bytes than any gRPC client takes", () => {
  const violations = Array.from({ length: 300 }, (_, i) => ({ field: `keys.${i}`.repeat(40), description: LONG }));
  const metadata = Object.fromEntries(violations.map(({ field }) => [field, LONG]));
  for (const length of [1, 2, 7, 20, 300]) {
    const refused = invalidFields(violations.slice(0, length));
    const options = { reason: "request_invalid", violations: refused.violations, metadata };
    const { details, metadata: sent } = toStatus(new PlatformError("invalid_argument", refused.message, options));
    const bytes = Buffer.concat(sent.get("grpc-status-details-bin") as Buffer[]).toString("base64").length;
    assert.ok(encodeURI(details).length + bytes < 7_500, `${encodeURI(details).length} + ${bytes} for ${length}`);
  }
});

test("what a handler throws unexpectedly says nothing of itself to a caller", async () => {
  await assert.rejects(client.call(createProject, { projectId: "x", displayName: "", requestId: "" }), (error) => {
    refusal("internal", "internal")(error);
    assert.ok(
      !JSON.stringify([error, (error as Error).message, (error as { cause: object }).cause]).includes("canary-7d1f"),
    );
    return true;
  });
});

test("health answers for the server and for a service", async () => {
  assert.equal((await client.call(HealthService.check, { service: "" })).status, 1);
  assert.equal((await client.call(HealthService.check, { service: "millrace.control.v1.ProjectService" })).status, 1);
});

test("a drain tells who watches health, and does not wait for them", async () => {
  const draining = new RpcServer({ access: {}, authenticate: () => Promise.reject(unknownToken()), log: silent });
  const port = await draining.listen("127.0.0.1", 0);
  const watching = new RpcClient({ address: `127.0.0.1:${port}` });
  const statuses: number[] = [];
  for await (const { status } of watching.callServerStream(HealthService.watch, { service: "" })) {
    statuses.push(status);
    if (statuses.length === 1) void draining.drain();
  }
  assert.deepEqual(statuses, [1, 2]);
  watching.close();
});

test("a service whose access table lacks a method neither compiles nor starts", () => {
  // @ts-expect-error: there is no row for the other methods.
  const access = accessRows(ProjectServiceService, { getProject: { who: "person" } });
  const bare = new RpcServer({ access, authenticate: () => Promise.reject(unknownToken()), log: silent });
  assert.throws(() => bare.add(ProjectServiceService, handlers), /no row for .*CreateProject/);
});

test("a service token is good for its audience and by its signer's key only", async () => {
  const key = () =>
    generateKeyPairSync("ed25519", {
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
  const [gateway, console_] = [key(), key()];
  const trust = new ServiceTrust("auth", JSON.stringify({ gateway: gateway.publicKey, console: console_.publicKey }));
  const identity = new ServiceIdentity("gateway", gateway.privateKey);
  assert.deepEqual(await trust.verify(await identity.tokenFor("auth")), { kind: "service", service: "gateway" });
  await assert.rejects(trust.verify(await identity.tokenFor("control-plane")), /not valid/);
  const forged = new ServiceIdentity("gateway", console_.privateKey);
  await assert.rejects(trust.verify(await forged.tokenFor("auth")), /not valid/);
  const old = new ServiceIdentity("gateway", gateway.privateKey);
  await assert.rejects(trust.verify(await old.tokenFor("auth", Date.now() - 120_000)), /not valid/);
});
