import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SUBJECTS } from "@millrace/bus";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { ServedReport, ServingRequest } from "@millrace/proto/invocation/v1/invocation";
import { LIMITS } from "../limits.ts";
import { createApi, createGroup, createProject, mock, release } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, clock } = await startControlPlane({ after });
await createProject(client, "shop");
const { name: group, label } = await createGroup(client, "shop", "store");
await createApi(client, `${group}/revisions/0.0.1`, "get", { backend: mock() });
const online = `${group}/deployments/online`;
const { getPropagation } = DeploymentServiceService;
const look = (waitMs = 0, name = online) => client.call(getPropagation, { name, waitMs });

/** A gateway that says that it serves this. */
function gateway(id: string, serves: () => Partial<ServedReport> | undefined) {
  const say = (report: Partial<ServedReport>) =>
    bus.publish(SUBJECTS.served(id), ServedReport.encode(ServedReport.fromPartial(report)).finish());
  const subscription = bus.subscribe(SUBJECTS.serving, {
    callback: (_error, { data }) => {
      const { question, hostLabel } = ServingRequest.decode(data);
      const served = serves();
      if (served) say(hostLabel === label ? { question, ...served } : { question });
    },
  });
  say({});
  return { say, stop: () => subscription.unsubscribe() };
}

test("what was never released has not come anywhere", async () => {
  await refused(look(), "failed_precondition", "deployment_unreleased");
  await refused(look(0, online.replace("store", "none")), "not_found", "group_not_found");
  await refusedFields(look(-1), ["wait_ms"]);
  await refusedFields(look(LIMITS.propagationWaitMsMax + 1), ["wait_ms"]);
  await release(client, online);
  const nobody = await look();
  assert.deepEqual([nobody.release, nobody.total, nobody.serving, nobody.afterMs], [1, 0, 0, undefined]);
});

test("gateways that serve the newest change are told from those that do not, each with its time", async () => {
  const one = gateway("gateway-1", () => ({ generation: 1, release: 1, servedForMs: 0 }));
  const two = gateway("gateway-2", () => ({ generation: 0, release: 0 }));
  await bus.flush();
  const partly = await look();
  assert.deepEqual([partly.serving, partly.total, partly.afterMs], [1, 2, undefined]);
  assert.deepEqual(
    partly.gateways.map(({ gateway: id, release: number, isCurrent }) => [id, number, isCurrent]),
    [
      ["gateway-1", 1, true],
      ["gateway-2", 0, false],
    ],
  );
  two.stop();
  const late = gateway("gateway-2", () => ({ generation: 1, release: 1, servedForMs: 1 }));
  const all = await look();
  assert.deepEqual([all.serving, all.total], [2, 2]);
  assert.ok(all.afterMs! >= 0 && all.gateways.every(({ afterMs }) => afterMs! <= all.afterMs!));
  one.stop();
  late.stop();
});

test("it waits until the last one serves it, or as long as it was asked to", async () => {
  const began = performance.now();
  let asked = 0;
  const slow = gateway("gateway-3", () => ({ generation: asked++ < 3 ? 0 : 1, release: 1 }));
  const others = ["gateway-1", "gateway-2"].map((id) => gateway(id, () => ({ generation: 1, release: 1 })));
  await bus.flush();
  const done = await look(10_000);
  assert.deepEqual([done.serving, done.total], [3, 3]);
  assert.equal(asked, 4);
  slow.stop();
  const stuck = gateway("gateway-3", () => ({ generation: 0 }));
  const late = await look(200);
  assert.deepEqual([late.serving, late.total, late.afterMs], [2, 3, undefined]);
  assert.ok(performance.now() - began < 8_000);
  stuck.stop();
  for (const other of others) other.stop();
});

test("many who wait for a deployment are told of by one question at a time, and nobody has all places", async () => {
  let asked = 0;
  const stuck = gateway("gateway-1", () => {
    asked++;
    return { generation: 0 };
  });
  await bus.flush();
  asked = 0;
  const began = performance.now();
  const waiting = Array.from({ length: LIMITS.propagations.ofOneMax }, () => look(400));
  await refused(look(), "resource_exhausted", "propagations_exhausted");
  await Promise.all(waiting);
  // A question takes as long as gateways-2 and 3, which are silent, are waited for.
  const turns = (performance.now() - began) / LIMITS.servingAnswerMs + 1;
  assert.ok(asked <= turns, `${asked} questions`);
  assert.equal((await look()).serving, 0);
  stuck.stop();
});

test("a gateway that is silent counts until it has not been heard of for a while; nonsense counts for nothing", async () => {
  bus.publish(SUBJECTS.served("gateway-9"), Buffer.from([0xff, 0xff]));
  const silent = await look();
  assert.deepEqual(
    silent.gateways.map(({ gateway: id, isCurrent }) => [id, isCurrent]),
    [
      ["gateway-1", false],
      ["gateway-2", false],
      ["gateway-3", false],
    ],
  );
  clock.now = new Date(clock.now.getTime() + LIMITS.gatewayLifetimeMs + 1);
  assert.equal((await look()).total, 0);
});
