import assert from "node:assert/strict";
import { test } from "node:test";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { authUnderTest, PASSWORD, refusal } from "../auth-fixture.ts";
import { LIFETIMES, SIGN_IN_THROTTLE } from "../limits.ts";

const { signIn, signOut, getMe, changePassword, updatePerson } = PeopleServiceService;
const tokenInvalid = refusal("unauthenticated", "token_invalid");
const credentialInvalid = refusal("unauthenticated", "credential_invalid");

test("whoever signs in is known by the session until it ends after 12 hours", async (t) => {
  const { call, clock } = await authUnderTest(t);
  const { token, expiresAt } = await call(signIn, { email: "Operator@Millrace.local", password: PASSWORD });
  assert.equal(expiresAt!.getTime() - clock.now.getTime(), LIFETIMES.sessionMs);
  const me = await call(getMe, {}, token);
  assert.equal(me.person!.email, "operator@millrace.local");
  assert.equal(me.person!.operator, true);
  clock.now = new Date(expiresAt!.getTime() - 1);
  await call(getMe, {}, token);
  clock.now = expiresAt!;
  await assert.rejects(call(getMe, {}, token), tokenInvalid);
});

test("an unknown email, a wrong password and a disabled person are refused alike", async (t) => {
  const { call, joined, operatorToken } = await authUnderTest(t);
  const ada = await joined("ada@example.com");
  const messages = new Set<string>();
  const refused = (error: Error) => messages.add(error.message) && credentialInvalid(error);
  await assert.rejects(call(signIn, { email: "nobody@example.com", password: PASSWORD }), refused);
  await assert.rejects(call(signIn, { email: "ada@example.com", password: "not her password" }), refused);
  await call(updatePerson, { name: ada.person!.name, disabled: true }, operatorToken);
  await assert.rejects(call(signIn, { email: "ada@example.com", password: PASSWORD }), refused);
  assert.equal(messages.size, 1);
});

test("sign-in is throttled for an email whether or not it exists, and opens again with time", async (t) => {
  const { call, clock } = await authUnderTest(t);
  const throttled = refusal("resource_exhausted", "sign_in_throttled");
  for (const email of ["operator@millrace.local", "nobody@example.com"]) {
    const attempt = (password: string) => call(signIn, { email, password });
    for (let i = 0; i < SIGN_IN_THROTTLE.perEmail.burst; i++) await assert.rejects(attempt("wrong"), credentialInvalid);
    await assert.rejects(attempt("wrong"), throttled);
    await assert.rejects(attempt(PASSWORD), throttled);
  }
  clock.now = new Date(clock.now.getTime() + 1_000 / SIGN_IN_THROTTLE.perEmail.perSecond);
  await call(signIn, { email: "operator@millrace.local", password: PASSWORD });
});

test("signing out ends the session that the call bears, and only that", async (t) => {
  const { call } = await authUnderTest(t);
  const credentials = { email: "operator@millrace.local", password: PASSWORD };
  const [one, other] = [await call(signIn, credentials), await call(signIn, credentials)];
  await call(signOut, {}, one.token);
  await assert.rejects(call(getMe, {}, one.token), tokenInvalid);
  await call(getMe, {}, other.token);
});

test("a new password ends every other session, and the old password is refused", async (t) => {
  const { call, joined } = await authUnderTest(t);
  const { token } = await joined("ada@example.com");
  const other = await call(signIn, { email: "ada@example.com", password: PASSWORD });
  const change = { currentPassword: PASSWORD, newPassword: "a new password" };
  await assert.rejects(call(changePassword, { ...change, currentPassword: "wrong" }, token), credentialInvalid);
  await call(changePassword, change, token);
  await call(getMe, {}, token);
  await assert.rejects(call(getMe, {}, other.token), tokenInvalid);
  await assert.rejects(call(signIn, { email: "ada@example.com", password: PASSWORD }), credentialInvalid);
  await call(signIn, { email: "ada@example.com", password: "a new password" });
});

test("a changed or foreign token is refused", async (t) => {
  const { call, operatorToken, joined } = await authUnderTest(t);
  const session = (await joined("ada@example.com")).token;
  const last = session.at(-1) === "A" ? "B" : "A";
  for (const token of [session.slice(0, -1) + last, session.replace("mrs_", "mrt_"), "mrt_x_y", `${operatorToken}=`]) {
    await assert.rejects(call(getMe, {}, token), tokenInvalid);
  }
});

test("a disabled person's session and token end at once, and stay ended when it is enabled again", async (t) => {
  const { call, as, joined, operatorToken } = await authUnderTest(t);
  const { authenticate } = IdentityServiceService;
  const ada = await joined("ada@example.com");
  const { secret } = await call(TokenServiceService.createToken, { displayName: "ci" }, ada.token);
  const gateway = await as("gateway");
  for (const token of [ada.token, secret]) {
    assert.equal((await call(authenticate, { token }, gateway)).person!.name, ada.person!.name);
  }
  await call(updatePerson, { name: ada.person!.name, disabled: true }, operatorToken);
  for (const token of [ada.token, secret]) await assert.rejects(call(authenticate, { token }, gateway), tokenInvalid);
  await call(updatePerson, { name: ada.person!.name, disabled: false }, operatorToken);
  for (const token of [ada.token, secret]) await assert.rejects(call(authenticate, { token }, gateway), tokenInvalid);
});

test("only services resolve tokens", async (t) => {
  const { call, operatorToken, as } = await authUnderTest(t);
  const request = { token: operatorToken };
  const { authenticate } = IdentityServiceService;
  await assert.rejects(call(authenticate, request, operatorToken), refusal("permission_denied", "permission_denied"));
  await assert.rejects(call(authenticate, request), refusal("unauthenticated", "credential_missing"));
  const denied = refusal("permission_denied", "permission_denied");
  await assert.rejects(call(authenticate, request, await as("function-runner")), denied);
});
