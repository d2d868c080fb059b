import assert from "node:assert/strict";
import { test } from "node:test";
import { KEYS, packRecord } from "@millrace/bus";
import { AliasRecord, FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { Functions } from "./functions.ts";

function setUp(random: () => number) {
  const functions = new Functions(random);
  for (const version of [1, 2]) {
    const record = FunctionVersionRecord.fromPartial({ functionUid: "fn-a", version, timeoutMs: version * 1_000 });
    functions.onPut(KEYS.functionVersion("fn-a", version), packRecord(FunctionVersionRecord.encode(record).finish()));
  }
  const point = (generation: number, targets: { version: number; weight: number }[]) => {
    const record = AliasRecord.fromPartial({ functionUid: "fn-a", alias: "live", generation, targets });
    functions.onPut(KEYS.alias("fn-a", "live"), packRecord(AliasRecord.encode(record).finish()));
  };
  const resolve = (target: { version: number } | { alias: string }) =>
    functions.resolve({ kind: "function", functionUid: "fn-a", target, constants: "" });
  return { functions, point, resolve };
}

test("a version resolves to itself with its timeout; one that is not here to null", () => {
  const { resolve } = setUp(() => 0);
  const function2 = { functionUid: "fn-a", functionId: "", version: 2, project: "" };
  assert.deepEqual(resolve({ version: 2 }), { key: "fn-a@2", ...function2, timeoutMs: 2_000, streams: false });
  assert.equal(resolve({ version: 3 }), null);
  assert.equal(resolve({ alias: "nowhere" }), null);
});

test("an alias moves at once, and an older move that comes late does not move it back", () => {
  const { point, resolve } = setUp(() => 0);
  point(1, [{ version: 1, weight: 1 }]);
  assert.equal(resolve({ alias: "live" })?.key, "fn-a@1");
  point(3, [{ version: 2, weight: 1 }]);
  point(2, [{ version: 1, weight: 1 }]);
  assert.equal(resolve({ alias: "live" })?.key, "fn-a@2");
});

test("an alias with two versions shares requests by weight", () => {
  let at = 0;
  const { point, resolve } = setUp(() => (at++ % 100) / 100);
  point(1, [
    { version: 1, weight: 90 },
    { version: 2, weight: 10 },
  ]);
  const counts = { "fn-a@1": 0, "fn-a@2": 0 };
  for (let n = 0; n < 100; n++) counts[resolve({ alias: "live" })!.key as keyof typeof counts]++;
  assert.deepEqual(counts, { "fn-a@1": 90, "fn-a@2": 10 });
});
