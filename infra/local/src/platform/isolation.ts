/** What a runner says of the walls around functions, for whoever starts it. */
import { join } from "node:path";
import { rememberedPorts } from "../processes/ports.ts";
import type { Platform } from "./platform.ts";

const TIMEOUT_MS = 2_000;
const MEANING = {
  full: "any tenant's code",
  reduced: "one owner's code only",
  development: "your own code only",
} as const;

type Readiness = { readonly tier: keyof typeof MEANING; readonly shortfall: string };

/** Of the first runner. */
export function isolationOf(platform: Platform): Promise<string> {
  const port = rememberedPorts(join(platform.stateDirectory, "ports.json"))["runner-1.operations"];
  return isolationAt(`127.0.0.1:${port}`);
}

/** One line: the tier, whose code it is for, what keeps it from the next, and where it says what to do. */
export async function isolationAt(operationsAddress: string): Promise<string> {
  const response = await fetch(`http://${operationsAddress}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const { tier, shortfall } = (await response.json()) as Readiness;
  if (tier === "full") return `full, for ${MEANING.full}`;
  return `${tier}, for ${MEANING[tier]}; docs/reference/isolation-tiers.md has the way to full (${shortfall.replace(/\s+/g, " ")})`;
}
