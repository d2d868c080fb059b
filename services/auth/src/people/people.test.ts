import assert from "node:assert/strict";
import { test } from "node:test";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { authUnderTest, PASSWORD, refusal, whileUncommitted } from "../auth-fixture.ts";
import { LIFETIMES } from "../limits.ts";

const { invitePerson, acceptInvitation, register, listPeople, updatePerson, getMe, signIn } = PeopleServiceService;
const invitationInvalid = refusal("unauthenticated", "invitation_invalid");
const accepting = (invitationToken: string) => ({ invitationToken, displayName: "Ada", password: PASSWORD });

test("an invitation is accepted once, however many try at the same time", async (t) => {
  const { call, operatorToken } = await authUnderTest(t);
  const { invitationToken, person } = await call(invitePerson, { email: "Ada@example.com" }, operatorToken);
  assert.equal(person!.email, "ada@example.com");
  const tries = await Promise.allSettled([1, 2, 3].map(() => call(acceptInvitation, accepting(invitationToken))));
  const sessions = tries.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  assert.equal(sessions.length, 1);
  assert.equal((await call(getMe, {}, sessions[0]!.token)).person!.displayName, "Ada");
  await assert.rejects(call(acceptInvitation, accepting(invitationToken)), invitationInvalid);
});

test("an invitation ends after 7 days, and a new one replaces it", async (t) => {
  const { call, clock, operatorToken } = await authUnderTest(t);
  const first = await call(invitePerson, { email: "ada@example.com" }, operatorToken);
  const second = await call(invitePerson, { email: "ada@example.com" }, operatorToken);
  assert.equal(second.person!.name, first.person!.name);
  await assert.rejects(call(acceptInvitation, accepting(first.invitationToken)), invitationInvalid);
  const start = clock.now.getTime();
  clock.now = new Date(start + LIFETIMES.invitationMs);
  await assert.rejects(call(acceptInvitation, accepting(second.invitationToken)), invitationInvalid);
  clock.now = new Date(start + LIFETIMES.invitationMs - 1);
  await call(acceptInvitation, accepting(second.invitationToken));
});

test("whoever is a person already cannot be invited, and whoever is invited cannot sign in or register yet", async (t) => {
  const { call, joined, operatorToken } = await authUnderTest(t, { selfRegistration: true });
  await joined("ada@example.com");
  const exists = refusal("already_exists", "person_exists");
  await assert.rejects(call(invitePerson, { email: "ada@example.com" }, operatorToken), exists);
  await call(invitePerson, { email: "bob@example.com", operator: true }, operatorToken);
  const bob = { email: "bob@example.com", displayName: "Bob", password: PASSWORD };
  await assert.rejects(call(register, bob), exists);
  await assert.rejects(call(signIn, bob), refusal("unauthenticated", "credential_invalid"));
});

test("registration is closed unless the operator opens it; who registers is no operator", async (t) => {
  const ada = { email: "ada@example.com", displayName: "Ada", password: PASSWORD };
  const closed = await authUnderTest(t);
  await assert.rejects(closed.call(register, ada), refusal("failed_precondition", "registration_closed"));
  const open = await authUnderTest(t, { selfRegistration: true });
  const { token } = await open.call(register, ada);
  assert.equal((await open.call(getMe, {}, token)).person!.operator, false);
  await assert.rejects(open.call(register, ada), refusal("already_exists", "person_exists"));
});

test("every failing field is named at once", async (t) => {
  const { call, operatorToken } = await authUnderTest(t, { selfRegistration: true });
  const invalid = (fields: string[]) => refusal("invalid_argument", "request_invalid", fields);
  await assert.rejects(call(signIn, { email: "ada" }), invalid(["email", "password"]));
  const faults = { email: "a b@c", displayName: "x\u0000", password: "x".repeat(11) };
  await assert.rejects(call(register, faults), invalid(["email", "display_name", "password"]));
  await assert.rejects(
    call(acceptInvitation, { password: "x".repeat(257) }),
    invalid(["invitation_token", "display_name", "password"]),
  );
  await assert.rejects(
    call(listPeople, { pageSize: -1, pageToken: "?" }, operatorToken),
    invalid(["page_size", "page_token"]),
  );
});

test("only operators invite, list and change people", async (t) => {
  const { call, joined } = await authUnderTest(t);
  const { token, person } = await joined("ada@example.com");
  const denied = refusal("permission_denied", "permission_denied");
  await assert.rejects(call(invitePerson, { email: "bob@example.com" }, token), denied);
  await assert.rejects(call(listPeople, {}, token), denied);
  await assert.rejects(call(updatePerson, { name: person!.name, operator: true }, token), denied);
});

test("people are listed by email, page by page", async (t) => {
  const { call, operatorToken } = await authUnderTest(t);
  for (const name of ["c", "a", "b"]) await call(invitePerson, { email: `${name}@example.com` }, operatorToken);
  const first = await call(listPeople, { pageSize: 3 }, operatorToken);
  assert.deepEqual(
    first.people.map(({ email }) => email[0]),
    ["a", "b", "c"],
  );
  const rest = await call(listPeople, { pageSize: 3, pageToken: first.nextPageToken }, operatorToken);
  assert.deepEqual(
    rest.people.map(({ email }) => email),
    ["operator@millrace.local"],
  );
  assert.equal(rest.nextPageToken, "");
});

test("the last operator can neither step down nor be disabled, even when two do so at once", async (t) => {
  const { call, joined, operatorToken, database } = await authUnderTest(t);
  const me = (await call(getMe, {}, operatorToken)).person!.name;
  const last = refusal("failed_precondition", "last_operator");
  await assert.rejects(call(updatePerson, { name: me, operator: false }, operatorToken), last);
  await assert.rejects(call(updatePerson, { name: me, disabled: true }, operatorToken), last);
  const ada = await joined("ada@example.com");
  await call(updatePerson, { name: ada.person!.name, operator: true }, operatorToken);
  const { sql } = database;
  const stepDown = await whileUncommitted(
    sql,
    (tx) => tx`update people set operator = false where person_id = ${ada.id}`,
    () => call(updatePerson, { name: me, operator: false }, operatorToken),
  );
  assert.ok(stepDown.status === "rejected");
  last(stepDown.reason);
});

test("a change with an old etag is refused", async (t) => {
  const { call, joined, operatorToken } = await authUnderTest(t);
  const { person } = await joined("ada@example.com");
  const { name, etag } = person!;
  const renamed = await call(updatePerson, { name, displayName: "Ada L.", etag }, operatorToken);
  assert.notEqual(renamed.etag, etag);
  const stale = call(updatePerson, { name, displayName: "Eve", etag }, operatorToken);
  await assert.rejects(stale, refusal("aborted", "etag_mismatch"));
});
