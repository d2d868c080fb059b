import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connectBus, SUBJECTS } from "@millrace/bus";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import { testNats } from "@millrace/testing";
import { Epochs, NameWatch } from "./name-watch.ts";

const identity = { service: "function-runner", id: "north" } as const;

async function watchOf(t: TestContext) {
  const nats = await testNats(t, { identities: [identity] });
  const seed = nats.seedOf(identity);
  const watch = new NameWatch({ identity, natsUrl: nats.url, natsSeed: seed });
  t.after(() => watch.close());
  const runner = await connectBus({ url: nats.url, seed, identity }, { info() {}, warn() {} });
  t.after(() => runner.close());
  const publish = (bytes: Uint8Array) => runner.publish(SUBJECTS.beat("north"), bytes);
  const beat = (epoch: string) => publish(Beat.encode(Beat.fromPartial({ runnerId: "north", epoch })).finish());
  const another = () => {
    const other = new NameWatch({ identity, natsUrl: nats.url, natsSeed: seed });
    t.after(() => other.close());
    return other;
  };
  return { watch, publish, beat, another };
}

test("a name that beats already is not taken", async (t) => {
  const { watch, beat } = await watchOf(t);
  const beating = setInterval(() => beat("other"), 50);
  t.after(() => clearInterval(beating));
  await assert.rejects(watch.start(), /is running already/);
});

test("a name under which two beat by turns is lost", async (t) => {
  const { watch, beat } = await watchOf(t);
  await watch.start();
  for (const epoch of ["first", "second", "first"]) beat(epoch);
  await assert.rejects(watch.lost, /another runner north is running/);
});

test("of two who take a name at once, before either beats, one is refused and the other goes on", async (t) => {
  const { watch, another } = await watchOf(t);
  const outcomes = await Promise.allSettled([watch.start(), another().start()]);
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  const refused = outcomes.find((outcome) => outcome.status === "rejected")!;
  assert.match(String(refused.reason), /another runner north has joined, or is about to join/);
});

test("a name that was taken and does not beat yet is not taken again", async (t) => {
  const { watch, another } = await watchOf(t);
  await watch.start();
  await assert.rejects(another().start(), /has joined, or is about to join/);
  const stillHeld = await Promise.race([
    watch.lost.then(
      () => "lost",
      () => "lost",
    ),
    Promise.resolve().then(() => "held"),
  ]);
  assert.equal(stillHeld, "held");
});

test("what is no beat does not end the watch", async (t) => {
  const { watch, publish, beat } = await watchOf(t);
  await watch.start();
  publish(Buffer.from([0xff]));
  for (const epoch of ["first", "second", "first"]) beat(epoch);
  await assert.rejects(watch.lost, /another runner north is running/);
});

test("a process that is followed by another may not come back; one that is started again and again may go on", () => {
  const heard = (...names: string[]) => {
    const epochs = new Epochs();
    return names.map((name) => epochs.accept(name));
  };
  assert.deepEqual(heard("a", "a", "b", "b", "c"), [true, true, true, true, true]);
  assert.deepEqual(heard("a", "b", "a", "b"), [true, true, false, false]);
});

test("a gateway's name is one gateway's at a time, also when a runner has the same", async (t) => {
  const gateway = { service: "gateway", id: "north" } as const;
  const nats = await testNats(t, { identities: [identity, gateway] });
  const watchOf = (who: typeof identity | typeof gateway) => {
    const watch = new NameWatch({ identity: who, natsUrl: nats.url, natsSeed: nats.seedOf(who) });
    t.after(() => watch.close());
    return watch;
  };
  await Promise.all([watchOf(identity).start(), watchOf(gateway).start()]);
  await assert.rejects(watchOf(gateway).start(), /another gateway north has joined/);
});
