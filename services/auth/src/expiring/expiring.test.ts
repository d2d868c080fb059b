import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { authUnderTest, PASSWORD } from "../auth-fixture.ts";
import { LIFETIMES, QUOTAS } from "../limits.ts";
import { Sweeper } from "./sweeper.ts";

const { signIn, getMe, invitePerson } = PeopleServiceService;
const OPERATOR = { email: "operator@millrace.local", password: PASSWORD };

test("what has expired is deleted, and nothing else", async (t) => {
  const { call, clock, database, audit, operatorToken } = await authUnderTest(t);
  const { sql } = database;
  const log = { info() {}, warn: (fields: object) => assert.fail(JSON.stringify(fields)) };
  const sweeper = new Sweeper({ sql, now: () => clock.now, audit, log });
  const rows = async () => {
    const tables = ["sessions", "tokens", "invitations", "idempotent_requests"];
    const counts = tables.map(
      (table) => sql<{ count: number }[]>`select count(*)::integer as count from ${sql(table)}`,
    );
    return (await Promise.all(counts)).map(([row]) => row!.count);
  };
  await call(signIn, OPERATOR);
  const token = { displayName: "ci", lifetimeSeconds: 3_600, requestId: randomUUID() };
  await call(TokenServiceService.createToken, token, operatorToken);
  await call(invitePerson, { email: "ada@example.com" }, operatorToken);
  const start = clock.now.getTime();
  const sweptAfter = async (ms: number) => {
    clock.now = new Date(start + ms);
    await sweeper.sweep();
    return rows();
  };
  assert.deepEqual(await sweptAfter(0), [1, 2, 1, 1]);
  assert.deepEqual(await sweptAfter(3_600_000), [1, 1, 1, 1]);
  assert.deepEqual(await sweptAfter(LIFETIMES.sessionMs), [0, 1, 1, 1]);
  assert.deepEqual(await sweptAfter(25 * 3_600_000 + 60_000), [0, 1, 1, 0]);
  assert.deepEqual(await sweptAfter(LIFETIMES.invitationMs), [0, 1, 0, 0]);
});

test("one session beyond the quota ends the oldest", async (t) => {
  const { call, clock } = await authUnderTest(t);
  const tokens: string[] = [];
  for (let i = 0; i <= QUOTAS.sessionsPerPerson; i++) {
    clock.now = new Date(clock.now.getTime() + 1);
    tokens.push((await call(signIn, OPERATOR)).token);
  }
  await assert.rejects(call(getMe, {}, tokens[0]!));
  for (const token of [tokens[1]!, tokens.at(-1)!]) await call(getMe, {}, token);
});
