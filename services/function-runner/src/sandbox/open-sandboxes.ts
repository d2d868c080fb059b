import { join } from "node:path";
import { PlatformError } from "@millrace/errors";
import { createLauncher } from "./launcher.ts";
import { probeSandbox } from "./probe-sandbox.ts";
import type { RuntimeFolder } from "./runtime-folder.ts";
import { type SandboxLog, SandboxSupply } from "./sandbox-supply.ts";
import { meets, type Tier } from "./tier.ts";

/** The supply of sandboxes in the best tier that this machine proves to give. Throws when that is under the minimum. */
export async function openSandboxes(
  runtime: RuntimeFolder,
  cacheDirectory: string,
  minimum: Tier,
  log: SandboxLog,
): Promise<SandboxSupply> {
  const faults: unknown[] = [];
  for (const ownUsers of process.getuid?.() === 0 ? [true, false] : [false]) {
    const launcher = createLauncher(runtime, ownUsers);
    const { tier, shortfall } = launcher;
    if (!meets(tier, minimum)) {
      faults.push(new Error(`the tier would be ${tier}: ${shortfall}`));
      continue;
    }
    const supply = new SandboxSupply(launcher, join(cacheDirectory, "sandboxes"), log);
    try {
      await probeSandbox(supply, runtime.folder);
      log.info({ tier, shortfall }, "the sandbox holds what its tier promises");
      return supply;
    } catch (err) {
      log.warn({ err, tier }, "a sandbox does not start or does not hold");
      faults.push(err);
      await supply.close();
    }
  }
  throw new PlatformError("failed_precondition", `This machine gives no sandbox of the tier ${minimum} or better.`, {
    reason: "tier_too_low",
    cause: faults[0],
  });
}
