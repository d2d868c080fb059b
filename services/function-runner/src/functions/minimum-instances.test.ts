import assert from "node:assert/strict";
import { test } from "node:test";
import { AliasRecord } from "@millrace/proto/release/v1/release";
import fc from "fast-check";
import { MinimumInstances } from "./minimum-instances.ts";

const UIDS = ["fn-1", "fn-2"];
const VERSIONS = [1, 2, 3];

const arbitraryChange = fc.record({
  functionUid: fc.constantFrom(...UIDS),
  alias: fc.constantFrom("live", "canary"),
  record: fc.option(
    fc.record({ minInstances: fc.nat(3), versions: fc.subarray(VERSIONS, { minLength: 1, maxLength: 2 }) }),
    { nil: undefined },
  ),
});

test("a version's minimum is the most that an alias asks for, and every version whose minimum changes is named", () => {
  fc.assert(
    fc.property(fc.array(arbitraryChange, { maxLength: 50 }), (changes) => {
      const minimums = new MinimumInstances();
      const model = new Map<string, { functionUid: string; minInstances: number; versions: number[] }>();
      const told = new Map<string, number>();
      for (const { functionUid, alias, record } of changes) {
        if (record) model.set(`${functionUid} ${alias}`, { functionUid, ...record });
        else model.delete(`${functionUid} ${alias}`);
        const targets = record?.versions.map((version) => ({ version, weight: 50 })) ?? [];
        const now =
          record && AliasRecord.fromPartial({ functionUid, alias, targets, minInstances: record.minInstances });
        const named = minimums.put(functionUid, alias, now);
        for (const uid of UIDS) {
          for (const version of VERSIONS) {
            const wanted = [...model.values()].filter(
              (one) => one.functionUid === uid && one.versions.includes(version),
            );
            const expected = Math.max(0, ...wanted.map(({ minInstances }) => minInstances));
            const key = `${uid}@${version}`;
            assert.equal(minimums.of({ functionUid: uid, version }), expected);
            if ((told.get(key) ?? 0) !== expected) assert.ok(named.has(key), `${key} has another minimum`);
            told.set(key, expected);
          }
        }
      }
    }),
  );
});
