import type { Scenario } from "../bench.ts";
import { coldStart } from "./cold-start.ts";
import { concurrency } from "./concurrency.ts";
import { generator } from "./generator.ts";
import { idleInstance } from "./idle-instance.ts";
import { isolation } from "./isolation.ts";
import { manyFunctions } from "./many-functions.ts";
import { mixed } from "./mixed.ts";
import { neighbours } from "./neighbours.ts";
import { overload } from "./overload.ts";
import { payloads } from "./payloads.ts";
import { plan } from "./plan.ts";
import { rows } from "./rows.ts";
import { runners } from "./runners.ts";
import { soak } from "./soak.ts";
import { telling } from "./telling.ts";

/** In the order of the page. */
export const SCENARIOS: readonly Scenario<unknown>[] = [
  rows,
  concurrency,
  payloads,
  overload,
  mixed,
  neighbours,
  runners,
  coldStart,
  idleInstance,
  manyFunctions,
  isolation,
  telling,
  plan,
  soak,
  generator,
];
