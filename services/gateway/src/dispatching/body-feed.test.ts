import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodyFeed } from "./body-feed.ts";

function drainOf(feed: BodyFeed, step: number): string {
  let text = "";
  while (feed.untakenBytes > 0) text += feed.take(step).toString("latin1");
  return text;
}

test("a body that is taken in any steps and from its beginning again comes out the same", () => {
  const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 9 }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 5 }), fc.nat(20), (list, step, before) => {
      const feed = new BodyFeed();
      for (const piece of list) feed.push(Buffer.from(piece));
      feed.finish();
      assert.equal(feed.nextBytes, list[0]?.length ?? 0);
      let taken = 0;
      while (taken < before && feed.untakenBytes > 0) taken += feed.take(step).length;
      assert.ok(feed.rewind());
      assert.equal(feed.untakenBytes, list.join("").length);
      assert.equal(drainOf(feed, step), list.join(""));
      assert.ok(feed.exhausted);
    }),
  );
});

test("after release what was taken is gone, and what was not still comes", () => {
  const feed = new BodyFeed();
  feed.push(Buffer.from("one"));
  feed.push(Buffer.from("two"));
  assert.equal(feed.take(2).toString(), "on");
  feed.release(0);
  assert.equal(feed.rewind(), false);
  assert.equal(drainOf(feed, 9), "etwo");
  assert.equal(feed.exhausted, false);
  feed.finish();
  assert.equal(feed.exhausted, true);
});

test("a small body that is all here survives release; one byte more does not", () => {
  for (const [keptBytesMax, whole] of [
    [3, true],
    [2, false],
  ] as const) {
    const feed = BodyFeed.of(Buffer.from("abc"));
    feed.take(9);
    feed.release(keptBytesMax);
    assert.equal(feed.rewind(), whole);
  }
});

test("a feed says when there is more and when something was taken", () => {
  const feed = new BodyFeed();
  const events: string[] = [];
  feed.onMore = () => events.push("more");
  feed.onTaken = () => events.push("taken");
  feed.push(Buffer.from("a"));
  feed.take(1);
  feed.finish();
  assert.deepEqual(events, ["more", "taken", "more"]);
});
