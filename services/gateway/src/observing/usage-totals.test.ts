import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestUsage } from "@millrace/proto/invocation/v1/usage";
import { OTHER_SERIES } from "@millrace/telemetry";
import { USAGE_LIMITS } from "../limits.ts";
import { UsageTotals } from "./usage-totals.ts";

const usage = (api: string, keyId = "") =>
  RequestUsage.fromPartial({ hostLabel: "shop", api, keyId, count: 1, status2xx: 1 });

test("whoever takes the last place has it with all of its keys, so that nothing goes back when the minute ends", () => {
  const totals = new UsageTotals();
  totals.know("shop", "projects/shop/groups/g/deployments/online");
  totals.add(Array.from({ length: USAGE_LIMITS.apisShownMax - 1 }, (_, i) => usage(`api${i}`)));
  const minute = [usage("last", "key1"), usage("last", "key2"), usage("beyond"), usage("last", "key3")];
  const shown = (running: RequestUsage[]) =>
    Object.fromEntries([...totals.with(running)].map(({ api, classes }) => [api, classes["2xx"]]));
  const before = shown(minute);
  assert.deepEqual([before.last, before[OTHER_SERIES]], [3, 1]);
  totals.add(minute);
  assert.deepEqual(shown([]), before);
});
