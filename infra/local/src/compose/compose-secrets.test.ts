import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeComposeGateway, makeComposeRunner, makeComposeSecrets } from "./compose-secrets.ts";

test("each container is handed what it needs and nothing else, and the second run changes no secret", (t) => {
  const root = mkdtempSync(join(tmpdir(), "millrace-compose-"));
  t.after(() => rmSync(root, { recursive: true }));
  makeComposeSecrets(root);
  const filesOf = (name: string) => readdirSync(join(root, name)).sort();
  const own = ["nats.seed", "service.pem", "trust.json"];
  assert.deepEqual(filesOf("gateway"), [...own, "redis.url", "gateway-private.pem"].sort());
  assert.deepEqual(filesOf("auth"), [...own, "bootstrap.json", "master.key"].sort());
  assert.deepEqual(
    filesOf("control-plane"),
    [...own, "control-plane.key", "runner-public.pem", "gateway-public.pem"].sort(),
  );
  assert.deepEqual(filesOf("function-runner"), [...own, "runner-private.pem"].sort());
  assert.deepEqual(filesOf("console"), ["service.pem", "trust.json"]);
  assert.deepEqual(filesOf("postgres"), ["password"]);
  assert.equal(statSync(join(root, "auth/master.key")).mode & 0o777, 0o600);
  const before = readFileSync(join(root, "auth/master.key"), "utf8");
  makeComposeSecrets(root);
  assert.equal(readFileSync(join(root, "auth/master.key"), "utf8"), before);
});

test("what the servers are told holds no seed, and the bus is open to its users only", (t) => {
  const root = mkdtempSync(join(tmpdir(), "millrace-compose-"));
  t.after(() => rmSync(root, { recursive: true }));
  makeComposeSecrets(root);
  const text = readFileSync(join(root, "nats/nats.json"), "utf8");
  assert.ok(!/"SU[A-Z0-9]{56}"/.test(text));
  const { accounts, http } = JSON.parse(text);
  assert.equal(http, "127.0.0.1:8222");
  const users = accounts.MILLRACE.users as { nkey: string; permissions: { publish: string[] } }[];
  assert.equal(users.length, 4);
  for (const { nkey, permissions } of users) {
    assert.match(nkey, /^U[A-Z0-9]{55}$/);
    assert.ok(!permissions.publish.includes(">"));
  }
});

test("a runner that may join is one more user of the bus, and the others stay as they are", (t) => {
  const root = mkdtempSync(join(tmpdir(), "millrace-compose-"));
  t.after(() => rmSync(root, { recursive: true }));
  makeComposeSecrets(root);
  const users = () =>
    JSON.parse(readFileSync(join(root, "nats/nats.json"), "utf8")).accounts.MILLRACE.users as unknown[];
  const before = users();
  const bundle = makeComposeRunner(root, "north", "tls://nats.example.com:4222");
  assert.deepEqual([bundle.runnerId, bundle.natsUrl], ["north", "tls://nats.example.com:4222"]);
  assert.equal(bundle.privateKey, readFileSync(join(root, "function-runner/runner-private.pem"), "utf8"));
  assert.deepEqual(users().slice(0, before.length), before);
  assert.equal(users().length, before.length + 1);
});

test("a gateway that may join is told where Redis and auth are, with the password and the key of gateways", (t) => {
  const root = mkdtempSync(join(tmpdir(), "millrace-compose-"));
  t.after(() => rmSync(root, { recursive: true }));
  makeComposeSecrets(root);
  const [natsUrl, redisAddress, authAddress] = [
    "tls://nats.example.com",
    "redis.example.com:6380",
    "auth.example.com:1",
  ];
  const bundle = makeComposeGateway(root, "east", { natsUrl, redisAddress, authAddress });
  const own = readFileSync(join(root, "gateway/redis.url"), "utf8");
  assert.equal(bundle.redisUrl, own.replace("redis:6379", redisAddress));
  assert.equal(bundle.serviceKey, readFileSync(join(root, "gateway/service.pem"), "utf8"));
  const { users } = JSON.parse(readFileSync(join(root, "nats/nats.json"), "utf8")).accounts.MILLRACE;
  assert.ok(users.at(-1).permissions.subscribe.includes("mr.gateway.east.*"));
});
