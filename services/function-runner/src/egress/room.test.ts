import assert from "node:assert/strict";
import { test } from "node:test";
import { Room } from "./room.ts";

test("whoever comes finds room, however many take what they can", () => {
  const room = new Room(1_000);
  const taken = Array.from({ length: 10 }, () => {
    const share = room.share();
    let own = 0;
    while (share.take()) own++;
    return own;
  });
  assert.deepEqual(taken.slice(0, 3), [333, 222, 148]);
  assert.ok(
    taken.every((own) => own >= 5),
    taken.join(),
  );
  assert.ok(taken.reduce((sum, own) => sum + own) < 1_000);
});

test("what is given back can be taken again", () => {
  const share = new Room(4).share();
  assert.deepEqual([share.take(), share.take()], [true, false]);
  share.giveBack();
  assert.equal(share.take(), true);
});
