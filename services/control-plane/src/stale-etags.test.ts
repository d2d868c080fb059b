import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AlarmRule, AlarmServiceService } from "@millrace/proto/control/v1/alarms";
import { DomainServiceService } from "@millrace/proto/control/v1/domains";
import { FunctionTestServiceService } from "@millrace/proto/control/v1/function_tests";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { issueCertificate } from "@millrace/testing";
import {
  createApi,
  createFunction,
  createGroup,
  createProject,
  definitionWith,
  mock,
  release,
  upload,
} from "./testing/calls.ts";
import { refused } from "./testing/expect.ts";
import { allMethods } from "./testing/methods.ts";
import { startTestBuilder } from "./testing/test-builder.ts";
import { startControlPlane } from "./testing/test-control-plane.ts";

// Every method that takes an etag, of something that is there, by somebody who has seen it as it no longer is.

const SHOP = "projects/shop";
const PETS = `${SHOP}/functions/pets`;
const STORE = `${SHOP}/groups/store`;
const REVISION = `${STORE}/revisions/0.0.1`;
const ONLINE = `${STORE}/deployments/online`;
const HOST = "api.shop.example";
const STALE = '"0"';

const { client, bus } = await startControlPlane({ after });
startTestBuilder(bus);
await createProject(client, "shop");
await createFunction(client, "shop", "pets", { secrets: { TOKEN: "a" } });
await upload(client, PETS);
await client.call(FunctionServiceService.publishVersion, { name: PETS, description: "", requestId: "" });
const targets = [{ version: 1, weight: 100 }];
const draft = { description: "", requestId: "" };
await client.call(FunctionServiceService.createAlias, {
  parent: PETS,
  aliasId: "live",
  targets,
  minInstances: 0,
  ...draft,
});
const event = { parent: PETS, testEventId: "one", kind: 0, body: "1", requestId: "" } as const;
await client.call(FunctionTestServiceService.createTestEvent, event);
await createGroup(client, "shop", "store");
await createApi(client, REVISION, "get", { backend: mock() });
await release(client, ONLINE);
await createGroup(client, "shop", "edited");
const EDITED = `${SHOP}/groups/edited/revisions/0.0.1`;
await createApi(client, EDITED, "get", { backend: mock() });
await client.call(DomainServiceService.createDomain, { parent: SHOP, domainId: HOST, deployment: "", requestId: "" });
const rule = AlarmRule.create({ deployment: ONLINE, metric: "error_rate", comparison: 1, threshold: 0.1 });
const webhookUrl = "https://example.com/hook";
await client.call(AlarmServiceService.createAlarm, { parent: SHOP, alarmId: "errors", rule, webhookUrl, ...draft });
const { certificate: chainPem, privateKey: privateKeyPem } = issueCertificate({ names: [HOST] });

/** What each asks for, besides the etag. */
const REQUESTS: Readonly<Record<string, Record<string, unknown> & { name: string }>> = {
  UpdateProject: { name: SHOP, displayName: "new" },
  DeleteProject: { name: SHOP },
  UpdateFunction: { name: PETS, description: "new" },
  DeleteFunction: { name: PETS },
  RotateSecret: { name: PETS, key: "TOKEN", value: "b" },
  UpdateAlias: { name: `${PETS}/aliases/live`, targets, description: "new" },
  DeleteAlias: { name: `${PETS}/aliases/live` },
  UpdateTestEvent: { name: `${PETS}/testEvents/one`, body: "2" },
  DeleteTestEvent: { name: `${PETS}/testEvents/one` },
  UpdateGroup: { name: STORE, description: "new" },
  DeleteGroup: { name: `${SHOP}/groups/edited` },
  UpdateRevision: { name: REVISION, note: "new" },
  DeleteRevision: { name: EDITED },
  UpdateApi: { name: `${EDITED}/apis/get`, definition: definitionWith({ backend: mock("new") }) },
  DeleteApi: { name: `${EDITED}/apis/get` },
  CreateRelease: { name: ONLINE, revision: "0.0.1" },
  Rollback: { name: ONLINE, release: 1 },
  TakeOffline: { name: ONLINE },
  BringOnline: { name: ONLINE },
  UpdateAlarm: { name: `${SHOP}/alarms/errors`, description: "new" },
  DeleteAlarm: { name: `${SHOP}/alarms/errors` },
  RotateAlarmSecret: { name: `${SHOP}/alarms/errors` },
  UpdateDomain: { name: `${SHOP}/domains/${HOST}`, deployment: ONLINE },
  UploadCertificate: { name: `${SHOP}/domains/${HOST}`, chainPem, privateKeyPem },
  DeleteDomain: { name: `${SHOP}/domains/${HOST}` },
};

for (const method of (await allMethods()).values()) {
  const empty = method.requestDeserialize(Buffer.alloc(0));
  if (!("etag" in empty)) continue;
  const title = method.path.split("/")[2]!;
  test(`${title} changes nothing for somebody who has not seen the newest`, async () => {
    const asked = REQUESTS[title];
    assert.ok(asked, "the table has no row for it");
    const call = client.call(method as never, { ...empty, ...asked, etag: STALE } as never);
    await refused(call, "aborted", "etag_mismatch");
  });
}
