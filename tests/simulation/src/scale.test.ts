import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateScale } from "./scale.ts";

test("twenty gateways spread their calls over a hundred runners, and at seven tenths of the load none waits", (t) => {
  const result = simulateScale({ gateways: 20, runners: 100, load: 0.7, seed: 1, measuredMs: 1_500 });
  t.diagnostic(JSON.stringify(result));
  assert.equal(result.answeredShare, 1);
  assert.ok(result.spread.mostOfMean < 1.5, `${result.spread.mostOfMean}`);
  assert.ok(result.overheadMs.p50 < 2);
  assert.ok(result.overheadMs.p99 < 10, "one who is turned away is placed again at once");
  assert.ok(result.rejectedPlacements < result.requests / 5);
});
