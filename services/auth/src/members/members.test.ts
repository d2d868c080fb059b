import assert from "node:assert/strict";
import { test } from "node:test";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { MemberServiceService } from "@millrace/proto/auth/v1/members";
import { PeopleServiceService, Role } from "@millrace/proto/auth/v1/people";
import { authUnderTest, refusal } from "../auth-fixture.ts";

const { addMember, listMembers, updateMember, removeMember } = MemberServiceService;
const { grantOwner } = IdentityServiceService;

test("an owner adds people by email, changes their roles and removes them", async (t) => {
  const { call, joined, ownedProject } = await authUnderTest(t);
  const { parent, token } = await ownedProject();
  const bob = await joined("bob@example.com");
  const member = await call(addMember, { parent, email: "Bob@example.com", role: Role.VIEWER }, token);
  assert.equal(member.name, `${parent}/members/${bob.id}`);
  const { memberships } = await call(PeopleServiceService.getMe, {}, bob.token);
  assert.deepEqual(memberships, [{ project: parent, role: Role.VIEWER }]);
  const denied = refusal("permission_denied", "permission_denied");
  await assert.rejects(call(addMember, { parent, email: "x@example.com", role: Role.VIEWER }, bob.token), denied);
  const updated = await call(updateMember, { name: member.name, role: Role.DEVELOPER, etag: member.etag }, token);
  assert.equal(updated.role, Role.DEVELOPER);
  const stale = call(updateMember, { name: member.name, role: Role.OWNER, etag: member.etag }, token);
  await assert.rejects(stale, refusal("aborted", "etag_mismatch"));
  await call(removeMember, { name: member.name, etag: updated.etag }, token);
  assert.equal((await call(listMembers, { parent }, token)).members.length, 1);
  await assert.rejects(call(listMembers, { parent }, bob.token), refusal("not_found", "project_not_found"));
});

test("an unknown person, a member, a missing role and an unknown project are refused", async (t) => {
  const { call, ownedProject, operatorToken } = await authUnderTest(t);
  const { parent, token, owner } = await ownedProject();
  const role = Role.VIEWER;
  const unknown = call(addMember, { parent, email: "nobody@example.com", role }, token);
  await assert.rejects(unknown, refusal("not_found", "person_not_found"));
  const again = call(addMember, { parent, email: owner.person!.email, role }, token);
  await assert.rejects(again, refusal("already_exists", "member_exists"));
  const faults = call(addMember, { parent, email: "nobody" }, token);
  await assert.rejects(faults, refusal("invalid_argument", "request_invalid", ["email", "role"]));
  const nowhere = call(addMember, { parent: "projects/nowhere", email: owner.person!.email, role }, operatorToken);
  await assert.rejects(nowhere, refusal("not_found", "project_not_found"));
});

test("a member may leave, but not remove another", async (t) => {
  const { call, joined, ownedProject } = await authUnderTest(t);
  const { parent, token, owner } = await ownedProject();
  const bob = await joined("bob@example.com");
  const { name } = await call(addMember, { parent, email: "bob@example.com", role: Role.DEVELOPER }, token);
  const other = call(removeMember, { name: `${parent}/members/${owner.id}` }, bob.token);
  await assert.rejects(other, refusal("permission_denied", "permission_denied"));
  await call(removeMember, { name }, bob.token);
});

test("the last owner can neither leave nor be made less, even when two owners do it at once", async (t) => {
  const { call, joined, ownedProject } = await authUnderTest(t);
  const last = refusal("failed_precondition", "last_owner");
  for (let round = 0; round < 5; round++) {
    const { parent, token, owner } = await ownedProject();
    const name = `${parent}/members/${owner.id}`;
    await assert.rejects(call(updateMember, { name, role: Role.DEVELOPER }, token), last);
    await assert.rejects(call(removeMember, { name }, token), last);
    const bob = await joined(`bob-${round}@example.com`);
    const other = await call(addMember, { parent, email: bob.person!.email, role: Role.OWNER }, token);
    const both = await Promise.allSettled([
      call(updateMember, { name, role: Role.VIEWER }, token),
      call(removeMember, { name: other.name }, bob.token),
    ]);
    const refused = both.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    assert.equal(refused.length, 1);
    last(refused[0]);
  }
});

test("the first owner of a project is granted by control-plane, again to the same effect, and to nobody else", async (t) => {
  const { call, as, joined, ownedProject, operatorToken } = await authUnderTest(t);
  const { parent: project, owner, token } = await ownedProject();
  const controlPlane = await as("control-plane");
  await call(grantOwner, { project, person: owner.person!.name }, controlPlane);
  assert.equal((await call(listMembers, { parent: project }, token)).members.length, 1);
  const bob = await joined("bob@example.com");
  const person = bob.person!.name;
  const taken = call(grantOwner, { project, person }, controlPlane);
  await assert.rejects(taken, refusal("already_exists", "project_exists"));
  const nobody = call(grantOwner, { project: "projects/new", person: "people/nobodyatall1" }, controlPlane);
  await assert.rejects(nobody, refusal("not_found", "person_not_found"));
  const denied = refusal("permission_denied", "permission_denied");
  await assert.rejects(call(grantOwner, { project: "projects/new", person }, operatorToken), denied);
  await assert.rejects(call(grantOwner, { project: "projects/new", person }, await as("gateway")), denied);
});

test("members are listed page by page", async (t) => {
  const { call, joined, ownedProject } = await authUnderTest(t);
  const { parent, token } = await ownedProject();
  for (const name of ["a", "b", "c"]) {
    const { person } = await joined(`${name}@example.com`);
    await call(addMember, { parent, email: person!.email, role: Role.VIEWER }, token);
  }
  const seen = new Set<string>();
  for (let pageToken = "", pages = 0; pages === 0 || pageToken !== ""; pages++) {
    const page = await call(listMembers, { parent, pageSize: 3, pageToken }, token);
    for (const { email } of page.members) seen.add(email);
    pageToken = page.nextPageToken;
  }
  assert.equal(seen.size, 4);
});
