import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { AccessKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { MemberServiceService } from "@millrace/proto/auth/v1/members";
import { Role } from "@millrace/proto/auth/v1/people";
import { authUnderTest, refusal } from "../auth-fixture.ts";
import { QUOTAS } from "../limits.ts";

const { createAccessKey, getAccessKey, listAccessKeys, updateAccessKey, deleteAccessKey } = AccessKeyServiceService;

test("a key's secret is shown once: a repeated request answers the same key without it", async (t) => {
  const { call, ownedProject, database } = await authUnderTest(t);
  const { parent, token } = await ownedProject();
  const request = { parent, displayName: "ci", requestId: randomUUID() };
  const first = await call(createAccessKey, request, token);
  assert.match(first.accessKey!.keyId, /^MR[A-Z0-9]{18}$/);
  assert.match(first.secret, /^[a-z0-9]{40}$/);
  const second = await call(createAccessKey, request, token);
  assert.deepEqual([second.accessKey, second.secret], [first.accessKey, ""]);
  assert.deepEqual(await call(getAccessKey, { name: first.accessKey!.name }, token), first.accessKey);
  const [row] = await database.sql<{ sealedSecret: Buffer }[]>`select sealed_secret from access_keys`;
  assert.ok(!row!.sealedSecret.includes(first.secret));
});

test("a key of another project is not found, whatever the name says", async (t) => {
  const { call, ownedProject } = await authUnderTest(t);
  const [mine, other] = [await ownedProject(), await ownedProject()];
  const { accessKey } = await call(createAccessKey, { parent: other.parent, displayName: "ci" }, other.token);
  const hidden = refusal("not_found", "project_not_found");
  await assert.rejects(call(getAccessKey, { name: accessKey!.name }, mine.token), hidden);
  await assert.rejects(call(createAccessKey, { parent: other.parent, displayName: "x" }, mine.token), hidden);
  const name = `${mine.parent}/accessKeys/${accessKey!.keyId}`;
  const notFound = refusal("not_found", "access_key_not_found");
  await assert.rejects(call(getAccessKey, { name }, mine.token), notFound);
  await assert.rejects(call(updateAccessKey, { name, disabled: true }, mine.token), notFound);
  await assert.rejects(call(deleteAccessKey, { name }, mine.token), notFound);
  assert.equal((await call(getAccessKey, { name: accessKey!.name }, other.token)).disabled, false);
});

test("display names are unique in a project, for new keys and for renamed ones", async (t) => {
  const { call, ownedProject } = await authUnderTest(t);
  const [mine, other] = [await ownedProject(), await ownedProject()];
  const taken = refusal("already_exists", "access_key_exists");
  await call(createAccessKey, { parent: mine.parent, displayName: "ci" }, mine.token);
  await assert.rejects(call(createAccessKey, { parent: mine.parent, displayName: "ci" }, mine.token), taken);
  await call(createAccessKey, { parent: other.parent, displayName: "ci" }, other.token);
  const { accessKey } = await call(createAccessKey, { parent: mine.parent, displayName: "cd" }, mine.token);
  await assert.rejects(call(updateAccessKey, { name: accessKey!.name, displayName: "ci" }, mine.token), taken);
});

test("a project's quota of keys holds when many are made at once", async (t) => {
  const { call, ownedProject } = await authUnderTest(t);
  const { parent, token } = await ownedProject();
  const many = Array.from({ length: QUOTAS.accessKeysPerProject + 3 }, (_, i) =>
    call(createAccessKey, { parent, displayName: `key ${i}` }, token),
  );
  const refused = (await Promise.allSettled(many)).flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  assert.equal(refused.length, 3);
  for (const error of refused) refusal("resource_exhausted", "access_key_quota")(error);
  const pages = [await call(listAccessKeys, { parent, pageSize: 20 }, token)];
  pages.push(await call(listAccessKeys, { parent, pageSize: 20, pageToken: pages[0]!.nextPageToken }, token));
  const ids = new Set(pages.flatMap(({ accessKeys }) => accessKeys.map(({ keyId }) => keyId)));
  assert.equal(ids.size, QUOTAS.accessKeysPerProject);
});

test("a key is renamed, disabled and deleted under its etag", async (t) => {
  const { call, ownedProject } = await authUnderTest(t);
  const { parent, token } = await ownedProject();
  const { accessKey } = await call(createAccessKey, { parent, displayName: "ci" }, token);
  const { name, etag } = accessKey!;
  const disabled = await call(updateAccessKey, { name, disabled: true, etag }, token);
  assert.deepEqual([disabled.disabled, disabled.displayName], [true, "ci"]);
  const stale = refusal("aborted", "etag_mismatch");
  await assert.rejects(call(updateAccessKey, { name, displayName: "x", etag }, token), stale);
  await assert.rejects(call(deleteAccessKey, { name, etag }, token), stale);
  await call(deleteAccessKey, { name, etag: disabled.etag }, token);
  await assert.rejects(call(getAccessKey, { name }, token), refusal("not_found", "access_key_not_found"));
});

test("viewers read keys and developers make them; operators need no role but a project that exists", async (t) => {
  const { call, joined, ownedProject, operatorToken } = await authUnderTest(t);
  const { parent, token } = await ownedProject();
  const bob = await joined("bob@example.com");
  await call(MemberServiceService.addMember, { parent, email: "bob@example.com", role: Role.VIEWER }, token);
  const denied = refusal("permission_denied", "permission_denied");
  await assert.rejects(call(createAccessKey, { parent, displayName: "ci" }, bob.token), denied);
  await call(createAccessKey, { parent, displayName: "ci" }, operatorToken);
  assert.equal((await call(listAccessKeys, { parent }, bob.token)).accessKeys.length, 1);
  const nowhere = call(createAccessKey, { parent: "projects/nowhere", displayName: "ci" }, operatorToken);
  await assert.rejects(nowhere, refusal("not_found", "project_not_found"));
});

test("every failing field is named at once", async (t) => {
  const { call, ownedProject } = await authUnderTest(t);
  const { parent, token } = await ownedProject();
  const faults = call(createAccessKey, { parent, displayName: "x".repeat(65), requestId: "1" }, token);
  await assert.rejects(faults, refusal("invalid_argument", "request_invalid", ["display_name", "request_id"]));
  await call(createAccessKey, { parent, displayName: "😀".repeat(64) }, token);
  const nul = call(createAccessKey, { parent, displayName: "a\u0000b" }, token);
  await assert.rejects(nul, refusal("invalid_argument", "request_invalid", ["display_name"]));
  const scope = `access keys of ${parent}`;
  for (const after of [["x", "y"], ["2026-01-01T00:00:00.000Z", "\u0000"], ["2026-99-01T00:00:00.000Z", "y"], ["y"]]) {
    const pageToken = Buffer.from(JSON.stringify([scope, ...after])).toString("base64url");
    const forged = call(listAccessKeys, { parent, pageToken }, token);
    await assert.rejects(forged, refusal("invalid_argument", "request_invalid", ["page_token"]));
  }
});
