/** What any gRPC client may count on: reflection, health, TLS, idempotent creates, paging, etags, and the example that shows how. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import {
  type ClientDuplexStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { repositoryRoot } from "@millrace/local";
import { AccessKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { HealthCheckResponse_ServingStatus, HealthClient } from "@millrace/proto/google";
import { RpcClient } from "@millrace/rpc";
import { freePort, selfSigned, until } from "@millrace/testing";
import { METHODS } from "./support/contract.ts";
import { readProc } from "./support/processes.ts";
import { freshId, provision } from "./support/provision.ts";
import { testPlatform } from "./support/test-platform.ts";

const TIMEOUT_MS = 10_000;

const platform = await testPlatform();
const { rpc } = platform;
const { project } = await provision(rpc, { apis: {}, environments: [] });
const SERVERS = {
  "millrace.control.v1": platform.controlPlaneAddress,
  "millrace.auth.v1": platform.authAddress,
};

type Listing = { listServicesResponse?: { service: { name: string }[] } };

/** Asks like grpcurl does. */
async function reflectedServices(address: string): Promise<string[]> {
  const proto = createRequire(import.meta.resolve("@millrace/rpc"))
    .resolve("@grpc/reflection")
    .replace(/src\/index\.js$/, "proto/grpc/reflection/v1/reflection.proto");
  const loaded = loadPackageDefinition(loadSync(proto)) as unknown as { grpc: { reflection: { v1: GrpcObject } } };
  const Reflection = loaded.grpc.reflection.v1.ServerReflection as ServiceClientConstructor;
  const client = new Reflection(address, credentials.createInsecure());
  try {
    const call = client.serverReflectionInfo!() as ClientDuplexStream<object, Listing>;
    const { promise, resolve, reject } = Promise.withResolvers<Listing>();
    call.on("data", resolve).on("error", reject);
    call.write({ listServices: "" });
    const answer = await promise;
    call.end();
    return answer.listServicesResponse!.service.map(({ name }) => name);
  } finally {
    client.close();
  }
}

describe("every server", () => {
  for (const [contract, address] of Object.entries(SERVERS)) {
    test(`of ${contract} lists its services by reflection`, async () => {
      const wanted = new Set(METHODS.filter(({ service }) => service.startsWith(`${contract}.`)).map((m) => m.service));
      const listed = await reflectedServices(address);
      for (const service of [...wanted, "grpc.health.v1.Health"])
        assert.ok(listed.includes(service), `${service} in ${listed}`);
    });

    test(`of ${contract} answers health, of itself and of each service`, async () => {
      const client = new HealthClient(address, credentials.createInsecure());
      const check = (service: string): Promise<number> =>
        new Promise((settle) => {
          const deadline = { deadline: Date.now() + TIMEOUT_MS };
          const done = (error: { code: number } | null, answer?: { status: number }): void =>
            settle(error === null ? answer!.status : -error.code);
          client.makeUnaryRequest(
            "/grpc.health.v1.Health/Check",
            (value: { service: string }) => HealthClient.service.check.requestSerialize(value),
            HealthClient.service.check.responseDeserialize,
            { service },
            deadline,
            done,
          );
        });
      const { SERVING } = HealthCheckResponse_ServingStatus;
      const [some] = METHODS.filter(({ service }) => service.startsWith(`${contract}.`));
      assert.deepEqual(await Promise.all([check(""), check(some!.service), check("no.such.Service")]), [
        SERVING,
        SERVING,
        -5,
      ]);
      client.close();
    });
  }

  test("can be asked over TLS, and then speaks nothing else", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-tls-"));
    const { certificate, privateKey } = selfSigned();
    const files = { certificate: join(folder, "cert.pem"), privateKey: join(folder, "key.pem") };
    writeFileSync(files.certificate, certificate);
    writeFileSync(files.privateKey, privateKey, { mode: 0o600 });
    const [grpc, operations] = [await freePort(), await freePort()];
    // A second auth beside the platform's, with the same environment but for its addresses and its certificate.
    const environment = readProc(platform.service("auth-1").pid!, "environ").split("\0").filter(Boolean);
    const child = spawn(process.execPath, [join(repositoryRoot, "services/auth/src/main.ts")], {
      env: {
        ...Object.fromEntries(environment.map((line) => line.split(/=(.*)/s).slice(0, 2))),
        MILLRACE_GRPC_ADDRESS: `127.0.0.1:${grpc}`,
        MILLRACE_OPERATIONS_ADDRESS: `127.0.0.1:${operations}`,
        MILLRACE_GRPC_TLS_CERT_FILE: files.certificate,
        MILLRACE_GRPC_TLS_KEY_FILE: files.privateKey,
      },
      stdio: "ignore",
    });
    // A certificate is for a name; Node refuses an address as the name that it asks for.
    const address = `localhost:${grpc}`;
    const token = (): string => platform.adminToken;
    const secure = new RpcClient({ address, caFile: files.certificate, token });
    const plain = new RpcClient({ address, token });
    try {
      await until(async () => (await fetch(`http://127.0.0.1:${operations}/readyz`)).ok, { timeoutMs: TIMEOUT_MS });
      const me = await secure.call(PeopleServiceService.getMe, {});
      assert.equal(me.person?.email, platform.operator.email);
      await assert.rejects(plain.call(PeopleServiceService.getMe, {}, { timeoutMs: 3_000 }), {
        code: /unavailable|deadline_exceeded/,
      });
    } finally {
      secure.close();
      plain.close();
      const exited = new Promise((settle) => child.once("exit", settle));
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a create with a request_id", () => {
  test("that is repeated answers as the first did, also side by side", async () => {
    const request = { projectId: freshId("p"), displayName: "Once", requestId: randomUUID() };
    const create = () => rpc.call(ProjectServiceService.createProject, request);
    const made = await Promise.all([create(), create(), create()]);
    made.push(await create());
    for (const each of made) assert.deepEqual(each, made[0]);
    const without = rpc.call(ProjectServiceService.createProject, { ...request, requestId: "" });
    await assert.rejects(without, { code: "already_exists", reason: "project_exists" });
  });

  test("that was used for something else, and that is no UUID, is refused by its name", async () => {
    const requestId = randomUUID();
    await rpc.call(ProjectServiceService.createProject, { projectId: freshId("p"), requestId });
    const other = rpc.call(ProjectServiceService.createProject, { projectId: freshId("p"), requestId });
    await assert.rejects(other, { code: "already_exists", reason: "request_id_reused", message: /request_id/ });
    const none = rpc.call(ProjectServiceService.createProject, { projectId: freshId("p"), requestId: "7" });
    await assert.rejects(none, { code: "invalid_argument", message: /request_id/ });
  });

  test("that makes a secret does not show it again", async () => {
    const request = { parent: project, displayName: "once", requestId: randomUUID() };
    const first = await rpc.call(AccessKeyServiceService.createAccessKey, request);
    const again = await rpc.call(AccessKeyServiceService.createAccessKey, request);
    assert.ok(first.secret.length >= 20);
    assert.equal(again.accessKey?.keyId, first.accessKey?.keyId);
    assert.equal(again.secret, "");
  });
});

test("a list comes in pages that hold everything once, in order", async () => {
  const ids = Array.from({ length: 5 }, (_, index) => `group-${index}`);
  for (const groupId of ids.toReversed()) await rpc.call(GroupServiceService.createGroup, { parent: project, groupId });
  const seen: string[] = [];
  const sizes: number[] = [];
  let pageToken = "";
  do {
    const page = await rpc.call(GroupServiceService.listGroups, { parent: project, pageSize: 2, pageToken });
    sizes.push(page.groups.length);
    seen.push(...page.groups.map(({ name }) => name.split("/").at(-1)!));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  const expected = [...ids, "shop"];
  assert.deepEqual(seen, expected);
  assert.deepEqual(sizes, [2, 2, 2]);
  const { nextPageToken } = await rpc.call(GroupServiceService.listGroups, { parent: project, pageSize: 2 });
  const elsewhere = rpc.call(ProjectServiceService.listProjects, { pageToken: nextPageToken });
  await assert.rejects(elsewhere, { code: "invalid_argument", message: /page_token/ });
});

test("an update with an etag that is not current is refused and changes nothing", async () => {
  const first = await rpc.call(ProjectServiceService.getProject, { name: project });
  const changed = await rpc.call(ProjectServiceService.updateProject, {
    name: project,
    displayName: "Changed",
    etag: first.etag,
  });
  assert.notEqual(changed.etag, first.etag);
  const late = rpc.call(ProjectServiceService.updateProject, { name: project, displayName: "Late", etag: first.etag });
  await assert.rejects(late, { code: "aborted", reason: "etag_mismatch" });
  assert.deepEqual(await rpc.call(ProjectServiceService.getProject, { name: project }), changed);
});

test("a token ends: when it is deleted, and when it signs itself out", async () => {
  for (const end of ["delete", "sign out"]) {
    const made = await rpc.call(TokenServiceService.createToken, { displayName: end, lifetimeSeconds: 60 });
    const as = rpc.as(made.secret);
    assert.equal((await as.call(PeopleServiceService.getMe, {})).person?.email, platform.operator.email);
    if (end === "delete") await rpc.call(TokenServiceService.deleteToken, { name: made.token!.name });
    else await as.call(PeopleServiceService.signOut, {});
    await assert.rejects(as.call(PeopleServiceService.getMe, {}), { code: "unauthenticated", reason: "token_invalid" });
    // control-plane may remember a principal for five seconds.
    await until(
      () =>
        as.call(ProjectServiceService.listProjects, {}).then(
          () => false,
          () => true,
        ),
      { timeoutMs: TIMEOUT_MS },
    );
  }
});

test("examples/grpc-client runs as it stands", async () => {
  const example = join(repositoryRoot, "examples/grpc-client/src/main.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [example, platform.platformFile], { timeout: 30_000 });
  assert.ok(stdout.split("\n").includes(project), stdout);
});
