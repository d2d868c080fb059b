import assert from "node:assert/strict";
import { test } from "node:test";
import { NameClaim } from "./name-claim.ts";

/** All hear all that is said, in turn. */
function talk(claims: readonly NameClaim[]): void {
  const said = claims.map((claim) => ({ by: claim, words: claim.words }));
  for (let turn = 0; turn < said.length; turn++) {
    assert.ok(turn < 100, "they talk without end");
    const { by, words } = said[turn]!;
    for (const claim of claims) if (claim !== by && claim.hear(words)) said.push({ by: claim, words: claim.words });
  }
}

test("of those who want a name at once, the first alone has it", () => {
  for (const order of [
    ["a", "b", "c"],
    ["c", "a", "b"],
    ["b", "c", "a"],
  ]) {
    const claims = order.map((token) => new NameClaim(token));
    talk(claims);
    assert.deepEqual(
      order.filter((_, at) => !claims[at]!.isLost),
      ["a"],
    );
  }
});

test("who has a name keeps it, whatever the clock of another says", () => {
  const [holder, early] = [new NameClaim("m"), new NameClaim("a")];
  holder.hold();
  talk([early, holder]);
  assert.deepEqual([holder.isLost, early.isLost], [false, true]);
});

test("what is no claim is let pass, and so are one's own words", () => {
  const claim = new NameClaim("m");
  for (const words of ["", "wanting", "lost a", "mine a", claim.words]) assert.equal(claim.hear(words), false);
  assert.equal(claim.isLost, false);
});
