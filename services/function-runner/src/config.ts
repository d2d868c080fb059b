import { address, durationMs, integer, loadConfig, secretFile } from "@millrace/config";
import { z } from "zod";
import { PLACING_LIMITS } from "./limits.ts";
import { TIERS } from "./sandbox/tier.ts";

const SHAPE = {
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  /** Where /livez, /readyz and /metrics are. */
  OPERATIONS_ADDRESS: address(),
  /** Unique among the runners of a platform; part of NATS subjects. */
  RUNNER_ID: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "must be 1 to 64 of a-z, A-Z, 0-9, _ and -" }),
  /** Invocations at a time. */
  RUNNER_SLOTS: integer(1, 4096).default(16),
  /** Artifacts, sandboxes' folders and the sandbox's runtime; other users must be able to pass through it. */
  RUNNER_CACHE_DIRECTORY: z.string().min(1),
  /** X25519, PKCS8 PEM: opens the functions' secrets. */
  RUNNER_PRIVATE_KEY_FILE: secretFile(),
  /** The runner does not start when the machine allows less. */
  RUNNER_MINIMUM_TIER: z.enum(TIERS, { error: `must be one of ${TIERS.join(", ")}` }).default("reduced"),
  NATS_URL: z.string().min(1),
  NATS_SEED_FILE: secretFile().optional(),
  /** Known to all services; the runner serves and calls no RPC. */
  SERVICE_KEY_FILE: z.string().optional(),
  SERVICE_TRUST_FILE: z.string().optional(),
  DRAIN_LAG: durationMs().default(0),
  DRAIN_TIMEOUT: durationMs().default(PLACING_LIMITS.drainTimeoutMs),
};

export type RunnerConfig = ReturnType<typeof readConfig>;

/** Throws one error that lists every problem. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const given = loadConfig(environment, SHAPE);
  return {
    logLevel: given.LOG_LEVEL,
    operations: given.OPERATIONS_ADDRESS,
    runnerId: given.RUNNER_ID,
    slots: given.RUNNER_SLOTS,
    cacheDirectory: given.RUNNER_CACHE_DIRECTORY,
    privateKey: given.RUNNER_PRIVATE_KEY_FILE,
    minimumTier: given.RUNNER_MINIMUM_TIER,
    nats: { url: given.NATS_URL, ...(given.NATS_SEED_FILE && { seed: given.NATS_SEED_FILE.reveal() }) },
    drain: { lagMs: given.DRAIN_LAG, timeoutMs: given.DRAIN_TIMEOUT },
  };
}
