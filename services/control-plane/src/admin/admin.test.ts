import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SUBJECTS } from "@millrace/bus";
import { AdminServiceService } from "@millrace/proto/control/v1/admin";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import { until } from "@millrace/testing";
import { LIMITS } from "../limits.ts";
import { refused } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, clock } = await startControlPlane({ after });
const list = async () => (await client.call(AdminServiceService.listRunners, {}, { token: "root" })).runners;

function beat(runnerId: string, slotsBusy: number): void {
  const counters = { runnerId, slots: 16, slotsBusy, draining: false, isolationTier: "reduced" };
  bus.publish(SUBJECTS.beat(runnerId), Beat.encode(Beat.create(counters)).finish());
}

test("runners are those that have beaten lately, with what their newest beat says", async () => {
  const runners = await until(async () => {
    beat("runner-2", 1);
    beat("runner-1", 3);
    beat("runner-2", 5);
    const found = await list();
    return found[1]?.slotsBusy === 5 && found;
  });
  assert.deepEqual(
    runners.map(({ id, slots, isolationTier }) => [id, slots, isolationTier]),
    [
      ["runner-1", 16, "reduced"],
      ["runner-2", 16, "reduced"],
    ],
  );
  // A beat that is still on its way arrives at the later time; it is not heard of again.
  await until(async () => {
    clock.now = new Date(clock.now.getTime() + LIMITS.beatLifetimeMs + 1);
    return (await list()).length === 0;
  });
});

test("a beat that cannot be read harms nothing", async () => {
  bus.publish(SUBJECTS.beat("bad"), Buffer.from([0xff, 0xff]));
  await until(async () => {
    beat("good", 0);
    return (await list()).some(({ id }) => id === "good");
  });
});

test("only operators see runners", async () => {
  await refused(client.call(AdminServiceService.listRunners, {}), "permission_denied", "permission_denied");
});
