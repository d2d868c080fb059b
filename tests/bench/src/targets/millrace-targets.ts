import { FETCH_HELLO, JD_HELLO } from "./functions.ts";
import { deployFunction, startBenchPlatform } from "./platform.ts";
import type { StartTarget, Target } from "./target.ts";

export function millraceTargets(signal: AbortSignal): Record<string, StartTarget> {
  return {
    "millrace-hello": () => millrace(FETCH_HELLO, signal),
    "millrace-handler": () => millrace(JD_HELLO, signal),
    "millrace-policies": async () => undefined,
  };
}

async function millrace(code: string, signal: AbortSignal): Promise<Target> {
  const platform = await startBenchPlatform({}, signal);
  try {
    return { url: await deployFunction(platform, "hello", code), processes: platform.processes, stop: platform.stop };
  } catch (error) {
    await platform.stop();
    throw error;
  }
}
