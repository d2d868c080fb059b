import assert from "node:assert/strict";
import { test } from "node:test";
import { SIGN_IN_THROTTLE } from "../limits.ts";
import { SignInThrottle } from "./sign-in-throttle.ts";

const { perEmail, overall, emailsMax } = SIGN_IN_THROTTLE;

function throttleAt(startMs: number) {
  const clock = { ms: startMs };
  const throttle = new SignInThrottle(() => new Date(clock.ms));
  const passes = (email: string) => {
    try {
      throttle.attempt(email);
      return true;
    } catch {
      return false;
    }
  };
  return { clock, throttle, passes };
}

test("all emails together are throttled too", () => {
  const { clock, passes } = throttleAt(0);
  for (let i = 0; i < overall.burst; i++) assert.ok(passes(`${i}@example.com`));
  assert.ok(!passes("one-more@example.com"));
  clock.ms += 1_000 / overall.perSecond;
  assert.ok(passes("one-more@example.com"));
});

test("a throttled attempt costs nothing, so that waiting is enough", () => {
  const { clock, passes } = throttleAt(0);
  for (let i = 0; i < perEmail.burst; i++) passes("ada@example.com");
  for (let i = 0; i < 50; i++) assert.ok(!passes("ada@example.com"));
  clock.ms += 1_000 / perEmail.perSecond;
  assert.ok(passes("ada@example.com"));
  assert.ok(!passes("ada@example.com"));
});

test("whoever tries as many emails as it can cannot make a throttled one forgotten, nor fill the memory", () => {
  const { clock, throttle, passes } = throttleAt(0);
  while (passes("ada@example.com"));
  const refillMs = (1_000 * perEmail.burst) / perEmail.perSecond;
  const stepMs = 1_000 / overall.perSecond;
  let allowed = 0;
  for (let i = 0; clock.ms < refillMs; i++, clock.ms += stepMs) {
    passes(`${i}@example.com`);
    if (passes("ada@example.com")) allowed++;
  }
  assert.ok(allowed <= perEmail.burst, `${allowed} attempts in the time of one burst`);
  assert.ok(throttle.remembered <= emailsMax);
  for (let i = 0; i < 2 * emailsMax; i++, clock.ms += stepMs) passes(`${i}@example.org`);
  assert.equal(throttle.remembered, emailsMax);
});
