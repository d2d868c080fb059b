import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import type { Person } from "@millrace/rpc";
import { LIMITS } from "../limits.ts";
import { refused } from "../testing/expect.ts";
import { Authenticator } from "./authenticator.ts";

function setUp() {
  const clock = { now: new Date("2026-10-01T00:00:00Z") };
  const asked: string[] = [];
  const people = {
    async authenticate(token: string): Promise<Person> {
      asked.push(token);
      if (token === "wrong") throw new PlatformError("unauthenticated", "no", { reason: "token_invalid" });
      const expiresAt = new Date(token === "brief" ? "2026-10-01T00:00:00.500Z" : "2026-10-02T00:00:00Z");
      return { kind: "person", name: `people/${token}`, email: "", operator: false, memberships: new Map(), expiresAt };
    },
  };
  const trust = { verify: async () => ({ kind: "service", service: "auth" }) as const };
  const authenticator = new Authenticator({ trust, people, clock: () => clock.now });
  const later = (ms: number) => {
    clock.now = new Date(clock.now.getTime() + ms);
  };
  return { authenticator, asked, later };
}

test("a person is asked for once in a second", async () => {
  const { authenticator, asked, later } = setUp();
  await authenticator.authenticate("ada");
  later(999);
  await authenticator.authenticate("ada");
  assert.equal(asked.length, 1);
  later(1);
  await authenticator.authenticate("ada");
  assert.equal(asked.length, 2);
});

test("a refusal is not remembered", async () => {
  const { authenticator, asked } = setUp();
  for (const _ of [1, 2]) await refused(authenticator.authenticate("wrong"), "unauthenticated", "token_invalid");
  assert.equal(asked.length, 2);
});

test("a credential is not good beyond its own end", async () => {
  const { authenticator, asked, later } = setUp();
  await authenticator.authenticate("brief");
  later(500);
  await refused(authenticator.authenticate("brief"), "unauthenticated", "token_invalid");
  assert.equal(asked.length, 2);
});

test("a person whose memberships changed is asked for anew", async () => {
  const { authenticator, asked } = setUp();
  await authenticator.authenticate("ada");
  authenticator.forget("people/ada");
  await authenticator.authenticate("ada");
  assert.equal(asked.length, 2);
});

test("what is remembered has a bound, and the oldest goes first", async () => {
  const { authenticator, asked } = setUp();
  for (let i = 0; i <= LIMITS.principalsMax; i++) await authenticator.authenticate(`p${i}`);
  const before = asked.length;
  await authenticator.authenticate("p1");
  assert.equal(asked.length, before);
  await authenticator.authenticate("p0");
  assert.equal(asked.length, before + 1);
});

test("a service's token is verified here and never sent to auth", async () => {
  const { authenticator, asked } = setUp();
  assert.deepEqual(await authenticator.authenticate("eyJhbGciOi"), { kind: "service", service: "auth" });
  assert.equal(asked.length, 0);
});
