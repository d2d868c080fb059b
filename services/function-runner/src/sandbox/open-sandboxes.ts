import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PlatformError } from "@millrace/errors";
import { type Bubblewrap, findBubblewrap } from "./bubblewrap.ts";
import { createLauncher, type Fences } from "./launcher.ts";
import { probeSandbox } from "./probe-sandbox.ts";
import type { RuntimeFolder } from "./runtime-folder.ts";
import { type SandboxLog, SandboxSupply } from "./sandbox-supply.ts";
import { meets, type Tier } from "./tier.ts";

export interface SandboxOptions {
  cacheDirectory: string;
  minimumTier: Tier;
  /** Looked for on the machine when not given. */
  bubblewrap: Bubblewrap | undefined;
}

/** The supply of sandboxes in the best tier that this machine proves to give. Throws when that is under the minimum. */
export async function openSandboxes(
  runtime: RuntimeFolder,
  { cacheDirectory, minimumTier, bubblewrap = findBubblewrap() }: SandboxOptions,
  log: SandboxLog,
): Promise<SandboxSupply> {
  const faults: string[] = [];
  for (const fences of candidates(bubblewrap)) {
    const launcher = createLauncher(runtime, fences);
    const { tier } = launcher;
    if (!meets(tier, minimumTier)) {
      faults.push(`the tier would be ${tier}: ${launcher.shortfall}`);
      continue;
    }
    const shortfall = [...faults, launcher.shortfall].filter(Boolean).join("; ");
    const supply = new SandboxSupply({ ...launcher, shortfall }, join(cacheDirectory, "sandboxes"), log);
    try {
      await probeSandbox(supply, runtime.folder);
      log.info({ tier, shortfall }, "the sandbox holds what its tier promises");
      return supply;
    } catch (err) {
      log.warn({ err, tier }, "a sandbox does not start or does not hold");
      faults.push(`not ${tier}: ${oneLine(err instanceof Error ? err.message : String(err))}`);
      await supply.close();
    }
  }
  throw new PlatformError(
    "failed_precondition",
    `This machine gives no sandbox of the tier ${minimumTier} or better.`,
    {
      reason: "tier_too_low",
      cause: new Error(faults.join("; ")),
    },
  );
}

/** What other programs said has lines of its own. */
function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ", ");
}

/** From the best to the least. Walls around a process of the machine's own root are none: there a user of its own comes first. */
function candidates(bubblewrap: Bubblewrap | undefined): Fences[] {
  const isRoot = process.getuid?.() === 0;
  const own = { ownUsers: true, bubblewrap: undefined };
  const none = { ownUsers: false, bubblewrap: undefined };
  return [
    ...(bubblewrap && isRoot ? [{ ...own, bubblewrap }] : []),
    ...(bubblewrap && !isMachineRoot() ? [{ ...none, bubblewrap }] : []),
    ...(isRoot ? [own] : []),
    none,
  ];
}

/** Root of a container may be somebody else outside. */
function isMachineRoot(): boolean {
  if (process.getuid?.() !== 0) return false;
  const [inside, outside] = readFileSync("/proc/self/uid_map", "latin1").trim().split(/\s+/);
  return inside === "0" && outside === "0";
}
