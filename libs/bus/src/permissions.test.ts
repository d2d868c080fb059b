import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { testNats, until } from "@millrace/testing";
import { AckPolicy, jetstreamManager } from "@nats-io/jetstream";
import { BUILD_QUEUE_GROUP, type BusIdentity, connectBus, ensureBus, listen, openObjects, SUBJECTS } from "./mod.ts";

const SILENT = { info() {}, warn() {} };
const RUNNER: BusIdentity = { service: "function-runner", id: "runner-1" };
const OTHER: BusIdentity = { service: "function-runner", id: "runner-2" };
const GATEWAY: BusIdentity = { service: "gateway", id: "gateway-1" };
const CONTROL: BusIdentity = { service: "control-plane", id: "control-plane-1" };

async function setUp(t: TestContext) {
  const nats = await testNats(t, { identities: [RUNNER, OTHER, GATEWAY, CONTROL] });
  const connectAs = async (identity: BusIdentity, seed = nats.seedOf(identity)) => {
    const connection = await connectBus({ url: nats.url, seed, identity }, SILENT);
    t.after(() => connection.close());
    return connection;
  };
  const anyone = await connectAs({ service: "control-plane", id: "watcher" }, nats.seed);
  await ensureBus(anyone);
  const heard: string[] = [];
  for (const subjects of ["mr.>", "logs.>", "requests.>", "usage.>"]) {
    anyone.subscribe(subjects, {
      callback: (_, { subject, data }) => void heard.push(`${subject} ${Buffer.from(data)}`),
    });
  }
  await anyone.flush();
  /** What of `subjects` a message of this identity comes through on. */
  const saidOn = async (identity: BusIdentity, subjects: readonly string[]) => {
    const connection = await connectAs(identity);
    for (const subject of subjects) connection.publish(subject, `from ${identity.id}`);
    await connection.flush();
    await anyone.flush();
    return subjects.filter((subject) => heard.includes(`${subject} from ${identity.id}`));
  };
  return { connectAs, saidOn, anyone, heard };
}

test("a runner speaks to gateways under its own name only, and to no runner, and beats for itself", async (t) => {
  const { saidOn } = await setUp(t);
  const own = [
    SUBJECTS.gateway("gateway-1", "runner-1"),
    SUBJECTS.gateway("gateway-2", "runner-1"),
    SUBJECTS.beat("runner-1"),
    SUBJECTS.log("runner-1", "shop", "fn-1"),
    SUBJECTS.usage("runner", "runner-1"),
  ];
  const foreign = [
    SUBJECTS.log("runner-2", "shop", "fn-1"),
    SUBJECTS.requests("gateway-1"),
    SUBJECTS.requests("runner-1"),
    SUBJECTS.usage("runner", "runner-2"),
    SUBJECTS.usage("gateway", "runner-1"),
    SUBJECTS.gateway("gateway-1", "runner-2"),
    SUBJECTS.gateway("gateway-1", "runner-1.x"),
    "mr.gateway.gateway-1",
    SUBJECTS.beat("runner-2"),
    SUBJECTS.runner("runner-1"),
    SUBJECTS.runner("runner-2"),
    SUBJECTS.build,
    SUBJECTS.trial,
    SUBJECTS.serving,
    SUBJECTS.served("gateway-1"),
    SUBJECTS.served("runner-1"),
    "_INBOX.control-plane.control-plane-1.guessed",
    "_INBOX.function-runner.runner-2.guessed",
    "$KV.functions.version.fn-1.1",
    "$KV.grants.access.key",
    "$O.artifacts.C.x",
  ];
  assert.deepEqual(await saidOn(RUNNER, [...own, ...foreign]), own);
});

test("a gateway speaks to runners, and in the name of none", async (t) => {
  const { saidOn } = await setUp(t);
  const foreign = [
    SUBJECTS.gateway("gateway-1", "runner-1"),
    SUBJECTS.beat("runner-1"),
    SUBJECTS.log("gateway-1", "shop", "fn-1"),
    SUBJECTS.trial,
    SUBJECTS.serving,
    SUBJECTS.served("gateway-2"),
    SUBJECTS.requests("gateway-2"),
    SUBJECTS.usage("gateway", "gateway-2"),
    SUBJECTS.usage("runner", "gateway-1"),
  ];
  const own = [
    SUBJECTS.runner("runner-1"),
    SUBJECTS.served("gateway-1"),
    SUBJECTS.requests("gateway-1"),
    SUBJECTS.usage("gateway", "gateway-1"),
  ];
  assert.deepEqual(await saidOn(GATEWAY, [...own, ...foreign]), own);
});

test("a builder answers whoever asked it, once, and nobody else", async (t) => {
  const { connectAs, heard } = await setUp(t);
  const builder = await connectAs(RUNNER);
  listen(
    builder,
    SUBJECTS.build,
    (_bytes, _name, message) => {
      for (const answer of ["first", "second"]) message.respond(answer);
      builder.publish(`${message.reply}x`, "somebody else's");
    },
    { queue: BUILD_QUEUE_GROUP },
  );
  await builder.flush();
  const control = await connectAs(CONTROL);
  assert.equal((await control.request(SUBJECTS.build, "build", { timeout: 5_000 })).string(), "first");
  await builder.flush();
  await control.flush();
  assert.deepEqual(
    heard.filter((line) => /second|else/.test(line)),
    [],
  );
});

test("what a runner has JetStream deliver to another is not taken for what a gateway says", async (t) => {
  const { connectAs, anyone } = await setUp(t);
  const victim = await connectAs(OTHER);
  const subject = SUBJECTS.runner(OTHER.id);
  const taken: string[] = [];
  const delivered: string[] = [];
  listen(victim, subject, (bytes) => taken.push(`${bytes}`));
  victim.subscribe(subject, { callback: (_, message) => void delivered.push(message.subject) });
  await victim.flush();

  const manager = await jetstreamManager(await connectAs(RUNNER), { checkAPI: false });
  const redirect = (stream: string) =>
    manager.consumers.add(stream, {
      deliver_subject: subject,
      ack_policy: AckPolicy.None,
      inactive_threshold: 60_000_000_000,
    });
  await assert.rejects(redirect("OBJ_builds"), "a stream that it writes itself");
  await redirect("OBJ_uploads");
  const uploads = await openObjects(anyone, "uploads");
  await uploads.putBlob({ name: "upload" }, Buffer.from("a batch of frames, as a stranger has uploaded it"));
  await until(() => delivered.length === 2);
  (await connectAs(GATEWAY)).publish(subject, "honest");
  await until(() => delivered.length === 3);
  assert.deepEqual(taken, ["honest"]);
});
