import type { Scenario } from "../bench.ts";
import { rows } from "./rows.ts";

/** In the order of the page. */
export const SCENARIOS: readonly Scenario<unknown>[] = [rows];
