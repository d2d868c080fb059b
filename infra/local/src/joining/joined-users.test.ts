import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type NatsUser, natsAccounts } from "../engines/nats-engine.ts";
import { makeNatsUsers } from "../secrets/platform-secrets.ts";
import { SecretFiles } from "../secrets/secret-files.ts";
import { createGateway, deleteGateway } from "./joined-gateways.ts";
import { createRunner, deleteRunner } from "./joined-runners.ts";
import { joinedUsers } from "./joined-users.ts";

// With a NATS server that is not the platform's own: then the users are a file and nothing else. A running server's are in scale-out.test.ts.

const NATS_URL = "nats://10.0.0.1:4222";

function platformFolder(t: TestContext) {
  const state = mkdtempSync(join(tmpdir(), "millrace-joined-"));
  t.after(() => rmSync(state, { recursive: true }));
  const files = new SecretFiles(join(state, "secrets"));
  const own = makeNatsUsers(files, [
    { service: "gateway", id: "gateway-1" },
    { service: "function-runner", id: "runner-1" },
  ]);
  const accounts = join(state, "nats-accounts.json");
  writeFileSync(accounts, JSON.stringify({ accounts: natsAccounts(own) }), { mode: 0o600 });
  files.write("redis.url", "redis://:canary@127.0.0.1:6379/0");
  files.write("gateway.pem", "-----BEGIN PRIVATE KEY-----");
  writeFileSync(join(state, "platform.json"), JSON.stringify({ natsUrl: NATS_URL, authAddress: "127.0.0.1:7101" }));
  const users = (): NatsUser[] => JSON.parse(readFileSync(accounts, "utf8")).accounts.MILLRACE.users;
  return { state, files, own, accounts, users };
}

test("each runner that may join is one more user, of its own subjects only, and a deleted one is none", async (t) => {
  const { state, own, accounts, users } = platformFolder(t);
  for (const id of ["north", "south"]) {
    const { bundle, natsAccountsFile } = await createRunner(state, id);
    assert.deepEqual([bundle.runnerId, bundle.natsUrl, natsAccountsFile], [id, NATS_URL, accounts]);
    assert.match(bundle.natsSeed, /^SU/);
    assert.match(bundle.privateKey, /PRIVATE KEY/);
  }
  assert.equal(statSync(accounts).mode & 0o777, 0o600);
  const subscribed = (user: NatsUser) =>
    user.permissions!.subscribe.filter((subject) => /^mr\.(runner|beat)/.test(subject));
  assert.deepEqual(users().slice(own.length).map(subscribed), [
    ["mr.runner.north", "mr.beat.north"],
    ["mr.runner.south", "mr.beat.south"],
  ]);
  deleteRunner(state, "north");
  assert.deepEqual(users().slice(0, own.length), own);
  assert.deepEqual(users().slice(own.length).map(subscribed), [["mr.runner.south", "mr.beat.south"]]);
});

test("who may join is remembered by its seed, which the next start finds among the platform's own", async (t) => {
  const { state, files, users, own } = platformFolder(t);
  await createRunner(state, "north");
  assert.deepEqual(joinedUsers(files), users().slice(own.length));
});

test("the platform's own runners can be neither made nor deleted this way", async (t) => {
  const { state } = platformFolder(t);
  await assert.rejects(createRunner(state, "runner-1"), /platform's own/);
  assert.throws(() => deleteRunner(state, "runner-1"), /no runner runner-1/);
});

test("a bundle can say another address of NATS, and who signed its certificate", async (t) => {
  const { state } = platformFolder(t);
  const { bundle } = await createRunner(state, "north", { natsUrl: "tls://nats.example.com:4222", natsCa: "PEM" });
  assert.deepEqual([bundle.natsUrl, bundle.natsCa], ["tls://nats.example.com:4222", "PEM"]);
});

test("where no platform runs, nobody is let in", async (t) => {
  const { state } = platformFolder(t);
  rmSync(join(state, "platform.json"));
  await assert.rejects(createRunner(state, "north"), /no platform is running/);
});

test("a gateway that may join is one more user too, and may have the name of a runner", async (t) => {
  const { state, files, own, users } = platformFolder(t);
  await createRunner(state, "north");
  const { bundle } = await createGateway(state, "north", {
    redisAddress: "10.0.0.2:6380",
    authAddress: "10.0.0.1:7101",
  });
  assert.deepEqual([bundle.gatewayId, bundle.natsUrl, bundle.authAddress], ["north", NATS_URL, "10.0.0.1:7101"]);
  assert.equal(bundle.redisUrl, "redis://:canary@10.0.0.2:6380/0");
  const heard = users()
    .slice(own.length)
    .map((user) => user.permissions!.subscribe);
  assert.ok(heard.length === 2 && heard[1]!.includes("mr.gateway.north.*") && !heard[1]!.includes("mr.runner.north"));
  assert.deepEqual(joinedUsers(files), users().slice(own.length));
  await assert.rejects(createGateway(state, "north"), /there is a gateway north already/);
  await assert.rejects(createGateway(state, "gateway-1"), /platform's own/);
  deleteGateway(state, "north");
  assert.equal(users().length, own.length + 1);
  assert.throws(() => deleteGateway(state, "north"), /there is no gateway north/);
});
