import {
  BUS_VARIABLES,
  busId,
  busOf,
  durationMs,
  integer,
  loadConfig,
  PROCESS_VARIABLES,
  secretFile,
  UNUSED_IDENTITY_VARIABLES,
} from "@millrace/config";
import { allowedRanges } from "@millrace/outbound";
import { z } from "zod";
import { PLACING_LIMITS } from "./limits.ts";
import { TIERS } from "./sandbox/tier.ts";

const SHAPE = {
  ...PROCESS_VARIABLES,
  ...BUS_VARIABLES,
  ...UNUSED_IDENTITY_VARIABLES,
  /** Unique among the runners of a platform; part of NATS subjects. */
  RUNNER_ID: busId(),
  /** Invocations at a time. */
  RUNNER_SLOTS: integer(1, 4096).default(64),
  /** Of these, so many for one project at most; all of them when not given. */
  RUNNER_PROJECT_SLOTS: integer(1, 4096).optional(),
  /** Artifacts, sandboxes' folders and the sandbox's runtime; other users must be able to pass through it. */
  RUNNER_CACHE_DIRECTORY: z.string().min(1),
  /** X25519, PKCS8 PEM: opens the functions' secrets. */
  RUNNER_PRIVATE_KEY_FILE: secretFile(),
  /** The runner does not start when the machine allows less. */
  RUNNER_MINIMUM_TIER: z.enum(TIERS, { error: `must be one of ${TIERS.join(", ")}` }).default("reduced"),
  /** The program `bwrap` and, when they are not the machine's, its libraries; looked for in the usual folders when not given. */
  RUNNER_BUBBLEWRAP: z.string().min(1).optional(),
  RUNNER_BUBBLEWRAP_LIBRARIES: z.string().min(1).optional(),
  /** `address[/prefix][:port]`, … : private addresses that functions reach when their egress lists them, and with a port also by `http`. */
  RUNNER_EGRESS_ALLOW: allowedRanges(),
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
    projectCallsMax: given.RUNNER_PROJECT_SLOTS,
    cacheDirectory: given.RUNNER_CACHE_DIRECTORY,
    privateKey: given.RUNNER_PRIVATE_KEY_FILE,
    minimumTier: given.RUNNER_MINIMUM_TIER,
    bubblewrap: bubblewrapOf(given.RUNNER_BUBBLEWRAP, given.RUNNER_BUBBLEWRAP_LIBRARIES),
    nats: busOf(given),
    egressAllow: given.RUNNER_EGRESS_ALLOW,
    requestsTold: given.REQUESTS_TOLD,
    drain: { lagMs: given.DRAIN_LAG, timeoutMs: given.DRAIN_TIMEOUT },
  };
}

function bubblewrapOf(path: string | undefined, libraries: string | undefined) {
  return path === undefined ? undefined : { path, libraries };
}
