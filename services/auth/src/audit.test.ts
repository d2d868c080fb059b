import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type AuditEvent, AuditOutcome, type ListAuditEventsRequest } from "@millrace/proto/audit/v1/audit";
import { AuditServiceService } from "@millrace/proto/auth/v1/audit";
import { AuthorizationServiceService } from "@millrace/proto/auth/v1/authorizations";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { AccessKeyServiceService, SubscriptionKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { MemberServiceService } from "@millrace/proto/auth/v1/members";
import { PeopleServiceService, Role } from "@millrace/proto/auth/v1/people";
import { TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { until } from "@millrace/testing";
import { ACCESS, READS } from "./access.ts";
import { authUnderTest, PASSWORD, refusal } from "./auth-fixture.ts";

const { call, as, joined, ownedProject, operatorToken, database } = await authUnderTest(
  { after },
  { selfRegistration: true },
);
const { sql } = database;
const people = PeopleServiceService;

async function list(filter: Partial<ListAuditEventsRequest> = {}, token = operatorToken): Promise<AuditEvent[]> {
  return (await call(AuditServiceService.listAuditEvents, { pageSize: 1_000, ...filter }, token)).events;
}

const { parent, token: owner, owner: ada } = await ownedProject();
const bob = await joined("bob@example.com");
const leaver = await joined("leaver@example.com");
const controlPlane = () => as("control-plane");
const group = `${parent}/groups/store`;
const made = { token: "", accessKey: "", subscriptionKey: "", invitation: "" };

/** What changes something, in an order in which each call can succeed, with what its line's object is like. */
const CHANGES: Readonly<Record<string, [object: RegExp, call: () => Promise<unknown>]>> = {
  SignIn: [/^people\//, () => call(people.signIn, { email: "bob@example.com", password: PASSWORD })],
  SignOut: [/^sessions\//, () => call(people.signOut, {}, leaver.token)],
  ChangePassword: [
    /^people\//,
    () => call(people.changePassword, { currentPassword: PASSWORD, newPassword: "another good password" }, bob.token),
  ],
  InvitePerson: [
    /^people\//,
    async () => {
      const { invitationToken } = await call(people.invitePerson, { email: "eve@example.com" }, operatorToken);
      made.invitation = invitationToken;
    },
  ],
  AcceptInvitation: [
    /^people\//,
    () => call(people.acceptInvitation, { invitationToken: made.invitation, displayName: "Eve", password: PASSWORD }),
  ],
  Register: [
    /^people\//,
    () => call(people.register, { email: "joe@example.com", displayName: "Joe", password: PASSWORD }),
  ],
  UpdatePerson: [
    new RegExp(`^${bob.person!.name}$`),
    () => call(people.updatePerson, { name: bob.person!.name, operator: true }, operatorToken),
  ],
  CreateToken: [
    /^tokens\//,
    async () => {
      const { token } = await call(
        TokenServiceService.createToken,
        { displayName: "canary-77", lifetimeSeconds: 600 },
        owner,
      );
      made.token = token!.name;
    },
  ],
  DeleteToken: [/^tokens\//, () => call(TokenServiceService.deleteToken, { name: made.token }, owner)],
  AddMember: [
    new RegExp(`^${parent}/members/${bob.id}$`),
    () => call(MemberServiceService.addMember, { parent, email: "bob@example.com", role: Role.VIEWER }, owner),
  ],
  UpdateMember: [
    new RegExp(`^${parent}/members/${bob.id}$`),
    () => call(MemberServiceService.updateMember, { name: `${parent}/members/${bob.id}`, role: Role.OWNER }, owner),
  ],
  RemoveMember: [
    new RegExp(`^${parent}/members/${bob.id}$`),
    () => call(MemberServiceService.removeMember, { name: `${parent}/members/${bob.id}` }, owner),
  ],
  CreateAccessKey: [
    new RegExp(`^${parent}/accessKeys/`),
    async () => {
      const { accessKey } = await call(
        AccessKeyServiceService.createAccessKey,
        { parent, displayName: "canary-78" },
        owner,
      );
      made.accessKey = accessKey!.name;
    },
  ],
  UpdateAccessKey: [
    new RegExp(`^${parent}/accessKeys/`),
    () => call(AccessKeyServiceService.updateAccessKey, { name: made.accessKey, disabled: true }, owner),
  ],
  CreateAuthorization: [
    new RegExp(`^${group}/deployments/online/authorizations/`),
    () => {
      const keyId = made.accessKey.split("/").at(-1)!;
      const request = { parent: `${group}/deployments/online`, keyId };
      return call(AuthorizationServiceService.createAuthorization, request, owner);
    },
  ],
  DeleteAuthorization: [
    new RegExp(`^${group}/deployments/online/authorizations/`),
    () => {
      const name = `${group}/deployments/online/authorizations/${made.accessKey.split("/").at(-1)}`;
      return call(AuthorizationServiceService.deleteAuthorization, { name }, owner);
    },
  ],
  DeleteAccessKey: [
    new RegExp(`^${parent}/accessKeys/`),
    () => call(AccessKeyServiceService.deleteAccessKey, { name: made.accessKey }, owner),
  ],
  CreateSubscriptionKey: [
    new RegExp(`^${parent}/subscriptionKeys/`),
    async () => {
      const request = { parent, displayName: "canary-79" };
      const { subscriptionKey } = await call(SubscriptionKeyServiceService.createSubscriptionKey, request, owner);
      made.subscriptionKey = subscriptionKey!.name;
    },
  ],
  UpdateSubscriptionKey: [
    new RegExp(`^${parent}/subscriptionKeys/`),
    () =>
      call(SubscriptionKeyServiceService.updateSubscriptionKey, { name: made.subscriptionKey, disabled: true }, owner),
  ],
  DeleteSubscriptionKey: [
    new RegExp(`^${parent}/subscriptionKeys/`),
    () => call(SubscriptionKeyServiceService.deleteSubscriptionKey, { name: made.subscriptionKey }, owner),
  ],
  GrantOwner: [
    /^projects\/granted$/,
    async () => {
      const request = { project: "projects/granted", person: ada.person!.name };
      return call(IdentityServiceService.grantOwner, request, await controlPlane());
    },
  ],
  ForgetGroup: [
    new RegExp(`^${group}$`),
    async () => call(IdentityServiceService.forgetGroup, { group }, await controlPlane()),
  ],
  ForgetProject: [
    /^projects\/granted$/,
    async () => call(IdentityServiceService.forgetProject, { project: "projects/granted" }, await controlPlane()),
  ],
  ReprojectGrants: [/^$/, async () => call(IdentityServiceService.reprojectGrants, {}, await controlPlane())],
};

test("every method that changes something is tried here", () => {
  const changing = Object.keys(ACCESS).filter((path) => !/\/(Get|List)/.test(path) && !READS.includes(path));
  assert.deepEqual(Object.keys(CHANGES).toSorted(), changing.map((path) => path.split("/")[2]!).toSorted());
});

for (const [action, [object, change]] of Object.entries(CHANGES)) {
  test(`${action} leaves a line that names what it changed, and without the line it changes nothing`, async () => {
    await sql`alter function append_audit_event(json) rename to gone`;
    try {
      await assert.rejects(change(), refusal("internal", "internal"));
    } finally {
      await sql`alter function gone(json) rename to append_audit_event`;
    }
    await change();
    const [line] = await list({ action, outcome: AuditOutcome.DONE });
    assert.match(line!.object, object);
    assert.match(line!.actor, /^(people|services)\/[a-z0-9-]+$/);
    assert.deepEqual([...(await sql`select * from broken_audit_chains()`)], []);
  });
}

test("a sign-in names who signed in; a role its value before and after; a call its credential", async () => {
  const [signIn] = await list({ action: "SignIn", outcome: AuditOutcome.DONE });
  assert.deepEqual([signIn!.actor, signIn!.credential], [bob.person!.name, ""]);
  assert.match(signIn!.after, /^sessions\//);
  const [update] = await list({ action: "UpdateMember", outcome: AuditOutcome.DONE });
  assert.deepEqual([update!.before, update!.after], ["viewer", "owner"]);
  assert.match(update!.credential, /^sessions\//);
  const [invited] = await list({ action: "InvitePerson", outcome: AuditOutcome.DONE });
  assert.match(invited!.credential, /^tokens\//);
});

test("a wrong password is a denial that names the account, and no password is anywhere", async () => {
  const wrong = { email: "joe@example.com", password: "canary-80 wrong" };
  await assert.rejects(call(people.signIn, wrong), refusal("unauthenticated", "credential_invalid"));
  const line = await until(async () => (await list({ action: "SignIn", outcome: AuditOutcome.DENIED }))[0]);
  const [joe] = await list({ action: "Register", outcome: AuditOutcome.DONE });
  assert.deepEqual([line!.actor, line!.object, line!.reason], ["anonymous", joe!.object, "credential_invalid"]);
  assert.deepEqual(
    line!.fields.map(({ path, value }) => [path, value]),
    [
      ["email", "joe@example.com"],
      ["password", ""],
    ],
  );
  const kept = JSON.stringify([...(await sql`select e::text as line from audit_events e`)]);
  assert.doesNotMatch(kept, /canary-|another good password|mr[ist]_/);
  assert.ok(!kept.includes(PASSWORD));
});

test("owners see their project's lines, others are refused", async () => {
  const lines = await list({ parent }, owner);
  assert.ok(lines.length > 5 && lines.every(({ object }) => object.startsWith(parent)));
  const stranger = await joined("stranger@example.com");
  await assert.rejects(list({ parent }, stranger.token), refusal("not_found", "project_not_found"));
  await assert.rejects(list({}, owner), refusal("permission_denied", "permission_denied"));
});
