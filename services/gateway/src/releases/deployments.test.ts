import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, KEYS, packRecord, splitParts } from "@millrace/bus";
import { DeploymentRecord, DeploymentSnapshot } from "@millrace/proto/release/v1/release";
import { Deployments } from "./deployments.ts";

const HOST = "abc-test";
const MOCK_BODY = Buffer.from("[]");

function setUp() {
  const errors: object[] = [];
  const deployments = new Deployments("local-1", { info() {}, error: (fields) => errors.push(fields) });
  const put = (record: Partial<DeploymentRecord>) =>
    deployments.onPut(KEYS.deployment(HOST), packRecord(DeploymentRecord.encode(recordOf(record)).finish()));
  const found = (path: string) => deployments.get(HOST)?.plan?.routes.find("GET", path)?.route.apiName;
  return { deployments, errors, put, found };
}

function recordOf(fields: Partial<DeploymentRecord>): DeploymentRecord {
  const name = "projects/p/groups/g/deployments/test";
  return DeploymentRecord.fromPartial({
    deployment: name,
    hostLabel: HOST,
    environment: "test",
    generation: 1,
    state: 1,
    access: 1,
    snapshotParts: 1,
    ...fields,
  });
}

function snapshotOf(path: string, apiName = path) {
  const route = {
    apiName,
    method: "GET",
    path,
    backend: { $case: "mock" as const, value: { status: 200, headers: {}, body: MOCK_BODY } },
  };
  const bytes = DeploymentSnapshot.encode(
    DeploymentSnapshot.fromPartial({ revision: "0.0.1", routes: [route] }),
  ).finish();
  return { digest: digestOf(bytes), packed: packRecord(bytes) };
}

test("a plan holds no more memory for an answer of a few bytes than these", () => {
  const { deployments, put } = setUp();
  const { digest, packed } = snapshotOf("/pets");
  deployments.onPut(KEYS.snapshotPart(digest, 0), packed);
  put({ snapshotDigest: digest });
  const backend = deployments.get(HOST)?.plan?.routes.find("GET", "/pets")?.route.backend;
  assert.ok(backend?.kind === "mock" && backend.body.equals(MOCK_BODY));
  assert.equal(backend.body.buffer.byteLength, MOCK_BODY.length);
});

test("a record and its snapshot make a plan, in whichever order they come", () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const { deployments, put, found } = setUp();
    const { digest, packed } = snapshotOf("/pets");
    const steps = [
      () => put({ snapshotDigest: digest }),
      () => deployments.onPut(KEYS.snapshotPart(digest, 0), packed),
    ];
    for (const at of order) steps[at]!();
    assert.equal(found("/pets"), "/pets");
  }
});

test("a snapshot in parts is served when its last part is there, whichever that is", () => {
  const { deployments, put, found } = setUp();
  const { digest, packed } = snapshotOf("/pets");
  const parts = [packed.subarray(0, 20), packed.subarray(20, 40), packed.subarray(40)];
  put({ snapshotDigest: digest, snapshotParts: 3 });
  for (const index of [2, 0]) deployments.onPut(KEYS.snapshotPart(digest, index), parts[index]!);
  assert.equal(found("/pets"), undefined);
  assert.equal(deployments.get(HOST)?.plan, null);
  deployments.onPut(KEYS.snapshotPart(digest, 1), parts[1]!);
  assert.equal(found("/pets"), "/pets");
  assert.equal(splitParts(packed).length, 1);
});

test("a re-release of a snapshot that was there before needs no part again", () => {
  const { deployments, put, found } = setUp();
  const [one, two] = [snapshotOf("/one"), snapshotOf("/two")];
  for (const { digest, packed } of [one, two]) deployments.onPut(KEYS.snapshotPart(digest, 0), packed);
  put({ generation: 1, snapshotDigest: one.digest });
  put({ generation: 2, snapshotDigest: two.digest });
  assert.equal(found("/two"), "/two");
  put({ generation: 3, snapshotDigest: one.digest });
  assert.equal(found("/one"), "/one");
  assert.equal(found("/two"), undefined);
});

test("a snapshot that was altered, or makes no sense, keeps the old plan and is logged", () => {
  const good = snapshotOf("/pets");
  const bad = [{ ...snapshotOf("/other"), digest: "0".repeat(64) }, snapshotOf("no-slash"), snapshotOf("/a/%2f")];
  for (const { digest, packed } of bad) {
    const { deployments, errors, put, found } = setUp();
    deployments.onPut(KEYS.snapshotPart(good.digest, 0), good.packed);
    put({ generation: 1, snapshotDigest: good.digest });
    deployments.onPut(KEYS.snapshotPart(digest, 0), packed);
    put({ generation: 2, snapshotDigest: digest, state: 2 });
    assert.equal(found("/pets"), "/pets");
    assert.equal(deployments.get(HOST)?.offline, true, "what the record itself says takes effect");
    assert.equal(errors.length, 1);
  }
});

test("an older record that comes late is passed over", () => {
  const { deployments, put, errors } = setUp();
  put({ generation: 5, state: 2 });
  put({ generation: 4, state: 1 });
  assert.equal(deployments.get(HOST)?.offline, true);
  assert.equal(errors.length, 1);
});

test("a deployment that says nothing of its access needs a key", () => {
  const { deployments, put } = setUp();
  put({ access: 0 });
  assert.equal(deployments.get(HOST)?.authorized, true);
  put({ access: 1 });
  assert.equal(deployments.get(HOST)?.authorized, false);
});

test("a deployment whose record is deleted is unknown, not offline", () => {
  const { deployments, put } = setUp();
  put({});
  deployments.onDelete(KEYS.deployment(HOST));
  assert.equal(deployments.get(HOST), undefined);
});

test("a route is found under its decoded path, and a colon or a star in it is a literal", () => {
  const { deployments, put, found } = setUp();
  const { digest, packed } = snapshotOf("/a%20b/{x}/c:d*/é");
  deployments.onPut(KEYS.snapshotPart(digest, 0), packed);
  put({ snapshotDigest: digest });
  assert.equal(found("/a b/1/c:d*/é"), "/a%20b/{x}/c:d*/é");
});

test("what is served is told with its generation once its snapshot is whole, and since when", () => {
  let nowMs = 1_000;
  const deployments = new Deployments("local-1", { info() {}, error() {} }, () => nowMs);
  const put = (record: Partial<DeploymentRecord>) =>
    deployments.onPut(KEYS.deployment(HOST), packRecord(DeploymentRecord.encode(recordOf(record)).finish()));
  const { digest, packed } = snapshotOf("/pets");
  assert.equal(deployments.served(HOST), undefined);
  put({ snapshotDigest: digest, generation: 3, release: 2 });
  assert.equal(deployments.served(HOST), undefined);
  nowMs = 2_000;
  deployments.onPut(KEYS.snapshotPart(digest, 0), packed);
  nowMs = 2_500;
  assert.deepEqual(deployments.served(HOST), { generation: 3, release: 2, servedForMs: 500 });
  put({ snapshotDigest: digest, generation: 3, release: 2 });
  assert.equal(deployments.served(HOST)?.servedForMs, 500, "the same record again is nothing new");
  put({ snapshotDigest: digest, generation: 4, release: 3 });
  assert.deepEqual(deployments.served(HOST), { generation: 4, release: 3, servedForMs: 0 });
  put({ snapshotDigest: "0".repeat(64), generation: 5, release: 4 });
  assert.equal(deployments.served(HOST), undefined, "the old plan goes on, but it is not what the record says");
  deployments.onDelete(KEYS.deployment(HOST));
  assert.equal(deployments.served(HOST), undefined);
});
