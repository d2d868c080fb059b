/** Releases: two revisions side by side, and changes that every gateway follows within a second. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { DeploymentServiceService, DeploymentState } from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { assertRefused, untilAnswer } from "./support/expect-answer.ts";
import { type Answer, send, splitUrl } from "./support/http.ts";
import { createApi, functionBackend, provision, release, uploadCode } from "./support/provision.ts";
import { testPlatform } from "./support/test-platform.ts";

const FOLLOW_MS_MAX = 1_000;
const GIVE_UP_MS = 5_000;

const platform = await testPlatform({ gateways: 2 });
const { rpc } = platform;
const says = (what: string): string =>
  `export const handler = async () => ({ statusCode: 200, headers: {}, body: "${what}" });`;

const shop = await provision(rpc, {
  functions: { greet: { code: says("one") }, aliased: { code: says("v1") } },
  apis: { greet: { method: "GET", path: "/greet", backend: "greet" } },
  environments: ["online"],
});
const greet = `${shop.project}/functions/greet`;
const aliased = `${shop.project}/functions/aliased`;
const online = shop.deployment("online").name;
const forTest = `${shop.group}/deployments/test`;

// Revision 0.0.2 serves the second version of the function, and an API more whose backend is an alias.
await rpc.call(GroupServiceService.createRevision, { parent: shop.group, revisionId: "0.0.2" });
await uploadCode(rpc, greet, { code: says("two") });
await rpc.call(FunctionServiceService.publishVersion, { name: aliased });
await uploadCode(rpc, aliased, { code: says("v2") });
await rpc.call(FunctionServiceService.publishVersion, { name: aliased });
await rpc.call(FunctionServiceService.createAlias, {
  parent: aliased,
  aliasId: "live",
  targets: [{ version: 1, weight: 100 }],
});
await createApi(rpc, `${shop.group}/revisions/0.0.2`, "readAlias", {
  method: "GET",
  path: "/alias",
  backend: functionBackend(aliased, { qualifier: "live" }),
});
await release(rpc, forTest, "0.0.2");

const urlOf = (gatewayUrl: string, environment: string, path: string): string =>
  `${gatewayUrl}/~${shop.label}/${environment}${path}`;

const everywhere = (environment: string, path: string, body: string): Promise<unknown> =>
  Promise.all(platform.gatewayUrls.map((url) => untilBody(urlOf(url, environment, path), body)));

async function untilBody(url: string, body: string): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    const answer = await send({ url });
    if (answer.status === 200 && answer.text === body) return;
    if (performance.now() > deadline) assert.fail(`${url} still answers ${answer.status} ${answer.text}, not ${body}`);
  }
}

/** Makes a change and measures, on each gateway, from its answer until the gateway serves it; asks without a pause. */
async function measure(
  t: TestContext,
  title: string,
  change: () => Promise<unknown>,
  path: { environment: string; target: string },
  done: (answer: Answer) => boolean,
): Promise<void> {
  await change();
  const changedAt = performance.now();
  await Promise.all(
    platform.gatewayUrls.map(async (gatewayUrl, index) => {
      const url = urlOf(gatewayUrl, path.environment, path.target);
      let last: Answer;
      do last = await send({ url });
      while (!done(last) && performance.now() - changedAt < GIVE_UP_MS);
      const tookMs = performance.now() - changedAt;
      t.diagnostic(`${title} reached gateway-${index + 1} in ${tookMs.toFixed(0)} ms`);
      assert.ok(done(last), `${title}: gateway-${index + 1} still answers ${last.status} ${last.text}`);
      assert.ok(tookMs < FOLLOW_MS_MAX, `${title}: ${tookMs.toFixed(0)} ms on gateway-${index + 1}`);
    }),
  );
}

const greetOnline = { environment: "online", target: "/greet" };
const isBody = (text: string) => (answer: Answer) => answer.status === 200 && answer.text === text;

test("there are two gateways to measure", () => {
  assert.equal(platform.gatewayUrls.length, 2);
  assert.notEqual(splitUrl(platform.gatewayUrls[0]!).port, splitUrl(platform.gatewayUrls[1]!).port);
});

test("two revisions serve in two environments at once, with two versions of one function", async () => {
  await everywhere("online", "/greet", "one");
  await everywhere("test", "/greet", "two");
  await everywhere("test", "/alias", "v1");
  for (const gatewayUrl of platform.gatewayUrls) {
    const missing = await send({ url: urlOf(gatewayUrl, "online", "/alias") });
    assertRefused(missing, { status: 404, reason: "no_route" });
  }
});

test("a switch to another revision reaches every gateway in under a second", async (t) => {
  await measure(t, "switch", () => release(rpc, online, "0.0.2"), greetOnline, isBody("two"));
});

test("a rollback restores the earlier snapshot on every gateway in under a second", async (t) => {
  const rollback = () => rpc.call(DeploymentServiceService.rollback, { name: online });
  await measure(t, "rollback", rollback, greetOnline, isBody("one"));
  const now = await rpc.call(DeploymentServiceService.getDeployment, { name: online });
  assert.equal(now.revision, "0.0.1");
  const { releases } = await rpc.call(DeploymentServiceService.listReleases, { parent: online });
  assert.deepEqual(
    releases.map(({ number, revision, rollbackOf }) => ({ number, revision, rollbackOf })),
    [
      { number: 3, revision: "0.0.1", rollbackOf: 1 },
      { number: 2, revision: "0.0.2", rollbackOf: 0 },
      { number: 1, revision: "0.0.1", rollbackOf: 0 },
    ],
  );
});

test("a rollback to a release by its number serves that one", async (t) => {
  const rollback = () => rpc.call(DeploymentServiceService.rollback, { name: online, release: 2 });
  await measure(t, "rollback by number", rollback, greetOnline, isBody("two"));
});

test("offline and online again reach every gateway in under a second", async (t) => {
  const takeOffline = () => rpc.call(DeploymentServiceService.takeOffline, { name: online });
  await measure(t, "offline", takeOffline, greetOnline, (answer) => answer.status === 403);
  const { state } = await rpc.call(DeploymentServiceService.getDeployment, { name: online });
  assert.equal(state, DeploymentState.OFFLINE);
  const refused = await send({ url: urlOf(platform.gatewayUrl, "online", "/greet") });
  assertRefused(refused, { status: 403, reason: "deployment_offline" });
  await everywhere("test", "/greet", "two");
  const bringOnline = () => rpc.call(DeploymentServiceService.bringOnline, { name: online });
  await measure(t, "online", bringOnline, greetOnline, isBody("two"));
});

test("a moved alias reaches every gateway in under a second, without a release", async (t) => {
  const name = `${aliased}/aliases/live`;
  const move = (version: number) => () =>
    rpc.call(FunctionServiceService.updateAlias, { name, targets: [{ version, weight: 100 }] });
  const path = { environment: "test", target: "/alias" };
  await measure(t, "alias to 2", move(2), path, isBody("v2"));
  await measure(t, "alias to 1", move(1), path, isBody("v1"));
});

test("an alias with two weighted versions serves both", async () => {
  const targets = [
    { version: 1, weight: 50 },
    { version: 2, weight: 50 },
  ];
  await rpc.call(FunctionServiceService.updateAlias, { name: `${aliased}/aliases/live`, targets });
  for (const gatewayUrl of platform.gatewayUrls) {
    const url = urlOf(gatewayUrl, "test", "/alias");
    await untilAnswer(async () => {
      const answer = await send({ url });
      return { ...answer, status: answer.text === "v2" ? 200 : 0 };
    });
    const bodies = new Set<string>();
    for (let call = 0; call < 64 && bodies.size < 2; call++) bodies.add((await send({ url })).text);
    assert.deepEqual([...bodies].sort(), ["v1", "v2"]);
  }
});

test("a change of the access mode reaches every gateway in under a second, without a release", async (t) => {
  const set = (access: 1 | 2) => () => rpc.call(GroupServiceService.updateGroup, { name: shop.group, access });
  await measure(t, "authorised", set(2), greetOnline, (answer) => answer.status === 401);
  await measure(t, "none", set(1), greetOnline, isBody("two"));
});

test("new code of a function changes nothing that is released until the next release", async () => {
  await uploadCode(rpc, greet, { code: says("three") });
  await everywhere("online", "/greet", "two");
  await release(rpc, online, "0.0.2");
  await everywhere("online", "/greet", "three");
});

test("a revision that is deployed cannot be edited, and the error names the way out", async () => {
  const name = `${shop.group}/revisions/0.0.2/apis/greet`;
  await assert.rejects(rpc.call(ApiServiceService.deleteApi, { name }), {
    code: "failed_precondition",
    reason: "revision_deployed",
    message: /revision/,
  });
});
