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
  const supply = new SandboxSupply(createLauncher(runtime), join(cacheDirectory, "sandboxes"), log);
  const { tier, shortfall } = supply.launcher;
  if (!meets(tier, minimum)) {
    throw new PlatformError("failed_precondition", `This machine allows the tier ${tier}: ${shortfall}.`, {
      reason: "tier_too_low",
      internal: `the minimum is ${minimum}`,
    });
  }
  try {
    await probeSandbox(supply, runtime.folder);
  } catch (error) {
    await supply.close();
    throw error;
  }
  log.info({ tier, shortfall }, "the sandbox holds what its tier promises");
  return supply;
}
