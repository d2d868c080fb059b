import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type AuditEvent, AuditOutcome, type ListAuditEventsRequest } from "@millrace/proto/audit/v1/audit";
import { Role } from "@millrace/proto/auth/v1/people";
import { AdminServiceService } from "@millrace/proto/control/v1/admin";
import { AlarmRule, AlarmServiceService } from "@millrace/proto/control/v1/alarms";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { AuditServiceService } from "@millrace/proto/control/v1/audit";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { DomainServiceService } from "@millrace/proto/control/v1/domains";
import { FunctionTestServiceService } from "@millrace/proto/control/v1/function_tests";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { issueCertificate, until } from "@millrace/testing";
import { ACCESS, READS } from "./access.ts";
import * as calls from "./testing/calls.ts";
import { refused, refusedFields } from "./testing/expect.ts";
import { startTestBuilder } from "./testing/test-builder.ts";
import { startControlPlane } from "./testing/test-control-plane.ts";
import { startTestTrier } from "./testing/test-trier.ts";

const { client, auth, bus, database, dns } = await startControlPlane({ after });
const { sql } = database;
const builder = startTestBuilder(bus);
startTestTrier(bus);
after(async () => builder.stop());
auth.addPerson("root", { operator: true });

const ALL: ListAuditEventsRequest = {
  parent: "",
  actor: "",
  object: "",
  action: "",
  outcome: 0,
  after: undefined,
  before: undefined,
  pageSize: 1_000,
  pageToken: "",
};

async function list(filter: Partial<ListAuditEventsRequest> = {}, token = "root"): Promise<AuditEvent[]> {
  return (await client.call(AuditServiceService.listAuditEvents, { ...ALL, ...filter }, { token })).events;
}

const actions = (events: readonly AuditEvent[]) => events.map(({ method }) => method.split("/")[1]!);
const broken = async () => [...(await sql`select * from broken_audit_chains()`)];

const SHOP = "projects/shop";
const FN = `${SHOP}/functions/pets`;
const GROUP = `${SHOP}/groups/store`;
const REVISION = `${GROUP}/revisions/0.0.1`;
const SECOND = `${GROUP}/revisions/0.0.2`;
const ONLINE = `${GROUP}/deployments/online`;
const functions = FunctionServiceService;
const groups = GroupServiceService;
const deployments = DeploymentServiceService;
const ALARM = `${SHOP}/alarms/errors`;
const DOMAIN = `${SHOP}/domains/api.shop.example`;
const once = { note: "", requestId: "", etag: "" };

/** What changes something, in an order in which each call can succeed, and the object of its line. */
const CHANGES: Readonly<Record<string, [object: string, call: () => Promise<unknown>]>> = {
  CreateProject: [SHOP, () => calls.createProject(client, "shop")],
  UpdateProject: [
    SHOP,
    () => client.call(ProjectServiceService.updateProject, { name: SHOP, displayName: "Shop", etag: "" }),
  ],
  CreateFunction: [FN, () => calls.createFunction(client, "shop", "pets", { secrets: { API_KEY: "canary-4411" } })],
  UpdateFunction: [
    FN,
    () => {
      const config = calls.configWith({
        timeoutMs: 4_000,
        environment: { STAGE: "canary-4412" },
        secrets: { API_KEY: "" },
      });
      return client.call(functions.updateFunction, { name: FN, description: "canary-4413", config, etag: "" });
    },
  ],
  RotateSecret: [
    FN,
    () => client.call(functions.rotateSecret, { name: FN, key: "API_KEY", value: "canary-4419", etag: "" }),
  ],
  UploadCode: [FN, () => calls.upload(client, FN)],
  CreateTestEvent: [
    `${FN}/testEvents/one`,
    () => {
      const event = { parent: FN, testEventId: "one", kind: 0, body: '"canary-4416"', requestId: "" } as const;
      return client.call(FunctionTestServiceService.createTestEvent, event);
    },
  ],
  UpdateTestEvent: [
    `${FN}/testEvents/one`,
    () => {
      const request = { name: `${FN}/testEvents/one`, kind: 0, body: '"canary-4417"', etag: "" } as const;
      return client.call(FunctionTestServiceService.updateTestEvent, request);
    },
  ],
  InvokeFunction: [
    FN,
    () => {
      const event = { $case: "given", value: { kind: 0, body: '"canary-4418"' } } as const;
      return client.call(FunctionTestServiceService.invokeFunction, { name: FN, qualifier: "", event });
    },
  ],
  DeleteTestEvent: [
    `${FN}/testEvents/one`,
    () => client.call(FunctionTestServiceService.deleteTestEvent, { name: `${FN}/testEvents/one`, etag: "" }),
  ],
  PublishVersion: [FN, () => client.call(functions.publishVersion, { name: FN, description: "" })],
  CreateAlias: [
    `${FN}/aliases/live`,
    () => {
      const targets = [{ version: 1, weight: 100 }];
      const request = { parent: FN, aliasId: "live", targets, description: "", requestId: "", minInstances: 0 };
      return client.call(functions.createAlias, request);
    },
  ],
  UpdateAlias: [
    `${FN}/aliases/live`,
    () => {
      const request = { targets: [], description: "moved", etag: "", minInstances: undefined };
      return client.call(functions.updateAlias, { name: `${FN}/aliases/live`, ...request });
    },
  ],
  DeleteAlias: [
    `${FN}/aliases/live`,
    () => client.call(functions.deleteAlias, { name: `${FN}/aliases/live`, etag: "" }),
  ],
  CreateGroup: [GROUP, () => calls.createGroup(client, "shop", "store")],
  UpdateGroup: [
    GROUP,
    () => {
      const request = { name: GROUP, description: "x", prefix: undefined, access: 0, etag: "" } as const;
      return client.call(groups.updateGroup, request);
    },
  ],
  CreateApi: [
    `${REVISION}/apis/get`,
    () => calls.createApi(client, REVISION, "get", { path: "/a", backend: calls.mock() }),
  ],
  UpdateApi: [
    `${REVISION}/apis/get`,
    () => {
      const definition = calls.definitionWith({ path: "/b", backend: calls.mock("canary-4414") });
      return client.call(ApiServiceService.updateApi, { name: `${REVISION}/apis/get`, definition, etag: "" });
    },
  ],
  CreateRelease: [ONLINE, () => calls.release(client, ONLINE)],
  Rollback: [ONLINE, () => client.call(deployments.rollback, { name: ONLINE, release: 1, ...once })],
  BringOnline: [
    ONLINE,
    async () => {
      await client.call(deployments.takeOffline, { name: ONLINE, etag: "" }).catch(() => undefined);
      return client.call(deployments.bringOnline, { name: ONLINE, etag: "" });
    },
  ],
  BatchTakeOffline: [
    SHOP,
    async () => {
      await client.call(deployments.bringOnline, { name: ONLINE, etag: "" }).catch(() => undefined);
      return client.call(deployments.batchTakeOffline, { parent: SHOP, names: [ONLINE] });
    },
  ],
  TakeOffline: [ONLINE, () => client.call(deployments.takeOffline, { name: ONLINE, etag: "" })],
  CreateRevision: [
    SECOND,
    () => {
      const request = { parent: GROUP, revisionId: "0.0.2", base: "0.0.1", note: "", requestId: "" };
      return client.call(groups.createRevision, request);
    },
  ],
  UpdateRevision: [SECOND, () => client.call(groups.updateRevision, { name: SECOND, note: "n", etag: "" })],
  CreateAlarm: [
    ALARM,
    () => {
      const rule = AlarmRule.create({ deployment: ONLINE, metric: "error_rate", comparison: 1, threshold: 0.5 });
      const request = { description: "canary-4416", webhookUrl: "https://canary-4417.example/", requestId: "" };
      return client.call(AlarmServiceService.createAlarm, { parent: SHOP, alarmId: "errors", rule, ...request });
    },
  ],
  UpdateAlarm: [
    ALARM,
    () => {
      const request = {
        description: undefined,
        rule: undefined,
        webhookUrl: "https://127.0.0.1/canary-4418",
        etag: "",
      };
      return client.call(AlarmServiceService.updateAlarm, { name: ALARM, ...request });
    },
  ],
  TestAlarm: [ALARM, () => client.call(AlarmServiceService.testAlarm, { name: ALARM })],
  RotateAlarmSecret: [
    ALARM,
    () => client.call(AlarmServiceService.rotateAlarmSecret, { name: ALARM, overlapSeconds: undefined, etag: "" }),
  ],
  DeleteAlarm: [ALARM, () => client.call(AlarmServiceService.deleteAlarm, { name: ALARM, etag: "" })],
  CreateDomain: [
    DOMAIN,
    () => {
      const request = { parent: SHOP, domainId: "API.shop.example", deployment: ONLINE, requestId: "" };
      return client.call(DomainServiceService.createDomain, request);
    },
  ],
  VerifyDomain: [
    DOMAIN,
    async () => {
      const { challenge } = await client.call(DomainServiceService.getDomain, { name: DOMAIN });
      dns.set(challenge!.name, [challenge!.value]);
      await client.call(DomainServiceService.verifyDomain, { name: DOMAIN });
    },
  ],
  UpdateDomain: [
    DOMAIN,
    () => client.call(DomainServiceService.updateDomain, { name: DOMAIN, deployment: "", etag: "" }),
  ],
  UploadCertificate: [
    DOMAIN,
    () => {
      const { certificate, privateKey } = issueCertificate({ names: ["api.shop.example"] });
      const chainPem = `canary-4419\n${certificate}`;
      const request = { name: DOMAIN, chainPem, privateKeyPem: `canary-4420\n${privateKey}`, etag: "" };
      return client.call(DomainServiceService.uploadCertificate, request);
    },
  ],
  DeleteDomain: [DOMAIN, () => client.call(DomainServiceService.deleteDomain, { name: DOMAIN, etag: "" })],
  DeleteApi: [
    `${SECOND}/apis/get`,
    () => client.call(ApiServiceService.deleteApi, { name: `${SECOND}/apis/get`, etag: "" }),
  ],
  ImportApis: [
    SECOND,
    () => {
      const document = 'openapi: "3.1.0"\ninfo: {title: canary-4415, version: "1"}\npaths: {}\n';
      return client.call(ApiServiceService.importApis, {
        ...ApiServiceService.importApis.requestDeserialize(Buffer.alloc(0)),
        parent: SECOND,
        document,
      });
    },
  ],
  DeleteRevision: [SECOND, () => client.call(groups.deleteRevision, { name: SECOND, etag: "" })],
  DeleteFunctionVersion: [
    `${FN}/versions/1`,
    () => client.call(functions.deleteFunctionVersion, { name: `${FN}/versions/1` }),
  ],
  DeleteFunction: [FN, () => client.call(functions.deleteFunction, { name: FN, etag: "" })],
  DeleteGroup: [GROUP, () => client.call(groups.deleteGroup, { name: GROUP, etag: "" })],
  DeleteProject: [SHOP, () => client.call(ProjectServiceService.deleteProject, { name: SHOP, etag: "" })],
  Reproject: ["", () => client.call(AdminServiceService.reproject, {}, { token: "root" })],
};

const changing = Object.keys(ACCESS).filter((path) => !/\/(Get|List)/.test(path) && !READS.includes(path));

test("every method that changes something is tried here", () => {
  assert.deepEqual(Object.keys(CHANGES).toSorted(), changing.map((path) => path.split("/")[2]!).toSorted());
});

test("a denial and a failure are recorded with their reason, also of what only reads", async () => {
  await calls.createProject(client, "mine");
  await refused(
    client.call(ProjectServiceService.getProject, { name: "projects/mine" }, { token: "eve" }),
    "not_found",
    "project_not_found",
  );
  const name = "projects/mine/functions/none";
  await refused(client.call(functions.deleteFunction, { name, etag: "" }), "not_found", "function_not_found");
  await refused(
    client.call(functions.deleteFunction, { name, etag: "" }, { token: "x" }),
    "unauthenticated",
    "token_invalid",
  );
  const lines = await until(async () => {
    const found = await list({ parent: "projects/mine" });
    return found.length === 4 && found;
  });
  const told = lines.map(({ method, outcome, actor, reason }) => [method.split("/")[1], outcome, actor, reason]);
  assert.deepEqual(told.toSorted(), [
    ["CreateProject", AuditOutcome.DONE, "people/ada", ""],
    ["DeleteFunction", AuditOutcome.DENIED, "anonymous", "token_invalid"],
    ["DeleteFunction", AuditOutcome.FAILED, "people/ada", "function_not_found"],
    ["GetProject", AuditOutcome.DENIED, "people/eve", "project_not_found"],
  ]);
});

test("what only reads, and succeeds, leaves no line", async () => {
  const count = async () => (await list({ parent: "projects/mine" })).length;
  const before = await count();
  await client.call(ProjectServiceService.getProject, { name: "projects/mine" });
  assert.equal(await count(), before);
});

test("a flood of denials leaves few lines, and says how many are missing", async () => {
  auth.addPerson("flood");
  const denied = () => client.call(ProjectServiceService.getProject, { name: "projects/mine" }, { token: "flood" });
  for (let i = 0; i < 100; i++) await refused(denied(), "not_found", "project_not_found");
  await refused(
    client.call(ProjectServiceService.getProject, { name: "projects/mine" }, { token: "eve" }),
    "not_found",
    "project_not_found",
  );
  const lines = await until(async () => {
    const found = await list({ parent: "projects/mine" });
    const missing = found.reduce((sum, { notRecorded }) => sum + notRecorded, 0);
    const recorded = found.filter(({ actor }) => actor === "people/flood").length;
    return recorded + missing === 100 && { recorded, missing };
  });
  assert.ok(lines.recorded >= 20 && lines.recorded <= 25, `${lines.recorded} lines`);
});

for (const [action, [object, call]] of Object.entries(CHANGES)) {
  test(`${action} leaves a line that names what it changed, and without the line it changes nothing`, async () => {
    await sql`alter function append_audit_event(json) rename to gone`;
    try {
      await refused(call(), "internal", "internal");
    } finally {
      await sql`alter function gone(json) rename to append_audit_event`;
    }
    await call();
    const [line] = await list({ action, outcome: AuditOutcome.DONE });
    assert.ok(line, "there is a line");
    assert.equal(line.object, object);
    const who = action === "Reproject" ? "root" : "ada";
    assert.deepEqual([line.actor, line.credential], [`people/${who}`, `tokens/of${who}`]);
    assert.match(line.peer, /^127\.0\.0\.1:\d+$/);
    assert.match(line.userAgent, /grpc/);
    assert.deepEqual(await broken(), []);
  });
}

test("a line says what was asked for and what state was left, and no text that could be a secret", async () => {
  const [update] = await list({ action: "UpdateFunction", object: FN });
  const fields = Object.fromEntries(update!.fields.map(({ path, value }) => [path, value]));
  assert.equal(fields["config.timeout_ms"], "4000");
  assert.equal(fields["config.environment.STAGE"], "");
  assert.equal(fields["config.secrets.API_KEY"], "");
  assert.equal(fields.description, "");
  assert.deepEqual([update!.before, update!.after], ['"1"', '"2"']);
  const [release] = await list({ action: "Rollback", outcome: AuditOutcome.DONE });
  assert.deepEqual([release!.before, release!.after], ["release 1", "release 2"]);
  const kept = JSON.stringify([...(await sql`select e::text as line from audit_events e`)]);
  assert.doesNotMatch(kept, /canary-44/);
});

test("owners see their project, members and strangers nothing, operators everything", async () => {
  auth.addPerson("dev");
  auth.grant("dev", "mine", Role.DEVELOPER);
  assert.ok((await list({ parent: "projects/mine" }, "ada")).length > 0);
  await refused(list({ parent: "projects/mine" }, "dev"), "permission_denied", "permission_denied");
  await refused(list({ parent: "projects/mine" }, "eve"), "not_found", "project_not_found");
  await refused(list({}, "ada"), "permission_denied", "permission_denied");
  assert.ok(actions(await list()).includes("Reproject"));
});

test("the owner of a project with the id of one that is gone sees nothing of that", async () => {
  await calls.createProject(client, "again");
  await client.call(ProjectServiceService.deleteProject, { name: "projects/again", etag: "" });
  await calls.createProject(client, "again");
  assert.deepEqual(actions(await list({ parent: "projects/again" }, "ada")), ["CreateProject"]);
  assert.deepEqual(actions(await list({ parent: "projects/again" })), [
    "CreateProject",
    "DeleteProject",
    "CreateProject",
  ]);
});

test("actor, object, action, outcome and time narrow the list", async () => {
  const only = async (filter: Partial<ListAuditEventsRequest>, fits: (event: AuditEvent) => boolean) => {
    const found = await list(filter);
    assert.ok(found.length > 0 && found.every(fits), JSON.stringify(filter));
  };
  await only({ actor: "people/root" }, ({ actor }) => actor === "people/root");
  await only({ object: FN }, ({ object }) => object === FN || object.startsWith(`${FN}/`));
  await only({ outcome: AuditOutcome.DENIED }, ({ outcome }) => outcome === AuditOutcome.DENIED);
  const [newest] = await list();
  const at = newest!.time!;
  await only({ before: at }, ({ time }) => time! < at);
  await only({ after: at }, ({ time }) => time! >= at);
  await refusedFields(list({ actor: "\0", object: "\n", action: "a/b" }), ["actor", "object", "action"]);
  await refusedFields(list({ after: new Date(-1) }), ["after"]);
});

test("pages go on where the last one ended while lines are added", async () => {
  const whole = await list({ parent: SHOP });
  const seen: AuditEvent[] = [];
  let pageToken = "";
  do {
    const request = { ...ALL, parent: SHOP, pageSize: 7, pageToken };
    const page = await client.call(AuditServiceService.listAuditEvents, request, { token: "root" });
    seen.push(...page.events);
    pageToken = page.nextPageToken;
    await client.call(AdminServiceService.reproject, {}, { token: "root" });
  } while (pageToken !== "");
  assert.deepEqual(seen, whole);
  const token = Buffer.from(JSON.stringify([`audit ${SHOP}     0`, "1", "x", "-1"])).toString("base64url");
  await refusedFields(list({ parent: SHOP, pageToken: token }), ["page_token"]);
});

test("lines are neither changed nor deleted, and who does it all the same breaks the chain", async () => {
  for (const statement of [
    "update audit_events set actor = 'nobody'",
    "delete from audit_events",
    "truncate audit_events",
  ]) {
    await assert.rejects(sql.unsafe(statement), /append-only/, statement);
  }
  const [{ name }] = await sql<[{ name: string }]>`select name from audit_partitions() order by month limit 1`;
  await assert.rejects(sql.unsafe(`truncate ${name}`), /append-only/);
  assert.deepEqual(await broken(), []);
  const forged = async (statement: string) => {
    await assert.rejects(
      sql.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx.unsafe(statement);
        assert.ok((await tx`select * from broken_audit_chains()`).length > 0, statement);
        throw new Error("undone");
      }),
      /undone/,
    );
  };
  await forged(`update audit_events set actor = 'nobody' where chain = '${SHOP}' and sequence = 3`);
  await forged(`delete from audit_events where chain = '${SHOP}' and sequence = 3`);
  await forged(`delete from audit_events where chain = '${SHOP}' and sequence > 3`);
});

test("months that are too old go, whole, and the chains that began in them hold", async () => {
  await sql`select make_audit_partitions('2020-01-15', 1)`;
  const names = async () =>
    (await sql<{ name: string }[]>`select name from audit_partitions()`).map(({ name }) => name);
  assert.ok((await names()).includes("audit_events_2020_02"));
  await sql`select drop_audit_partitions('2020-02-29T23:59:59Z')`;
  assert.ok(!(await names()).includes("audit_events_2020_01"));
  assert.ok((await names()).includes("audit_events_2020_02"));
  await sql`select drop_audit_partitions('2020-03-01T00:00:00Z')`;
  assert.ok(!(await names()).includes("audit_events_2020_02"));
  assert.deepEqual(await broken(), []);
});
