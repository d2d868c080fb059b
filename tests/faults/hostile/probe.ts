/** A small function that means ill, and what it may come to. */

export type Tier = "development" | "reduced" | "full";

/** What a caller may be told of a function: its own answer, or a reason of the closed table. */
export type Told =
  | "answer"
  | "function_error"
  | "function_init_failed"
  | "function_response_invalid"
  | "function_out_of_memory"
  | "function_timeout"
  | "instance_lost";

/** What a function says that it saw; a refused attempt is `refused: …`. */
export type Seen = string | number | boolean | null | readonly Seen[] | { readonly [name: string]: Seen };

export type Probe = {
  /**
   * The body of an async function with `world`, `request` and `context` in its scope. It returns what it has seen, or a Response. `attempt(work)`
   * answers what `work` gives or how it was refused, `each(list, work)` that for each of the list.
   */
  readonly code: string;
  /** Stands before the function, where the module is loaded. */
  readonly prelude?: string;
  readonly told: readonly Told[];
  /** Of an answer: whether what the function saw keeps what the tier promises. */
  readonly holds?: (seen: Seen, tier: Tier) => boolean;
  /** It is not tried where nothing is promised against it. */
  readonly minimumTier?: Tier;
  readonly timeoutMs?: number;
  /** Where it may connect to; `decoy` is a server that sends it on. By default what any function may. */
  readonly egress?: "none" | "decoy";
};

export type Probes = Readonly<Record<string, Probe>>;

const TIERS: readonly Tier[] = ["development", "reduced", "full"];

export const reaches = (tier: Tier, minimum: Tier): boolean => TIERS.indexOf(tier) >= TIERS.indexOf(minimum);

/** Whatever may become of a function that breaks what it stands on. */
export const ANYTHING_DOCUMENTED: readonly Told[] = [
  "answer",
  "function_error",
  "function_response_invalid",
  "function_out_of_memory",
  "function_timeout",
  "instance_lost",
];

/** Every attempt was refused, whichever way. */
export const allRefused = (seen: Seen): boolean => leavesOf(seen).every((leaf) => /^refused: /.test(String(leaf)));

/** For what only a namespace of its own keeps from a function. */
export const allRefusedInFull = (seen: Seen, tier: Tier): boolean => tier !== "full" || allRefused(seen);

function leavesOf(seen: Seen): Seen[] {
  return typeof seen === "object" && seen !== null ? Object.values(seen).flatMap(leavesOf) : [seen];
}

const TOOLS = `
  const attempt = async (work) => {
    try {
      const value = await work();
      return value === undefined ? "done" : String(value).slice(0, 4_000);
    } catch (error) {
      return "refused: " + (error?.code ?? error?.cause?.code ?? error);
    }
  };
  const each = async (list, work) => {
    const seen = {};
    for (const one of list) seen[String(one)] = await attempt(() => work(one));
    return seen;
  };
  const all = async (works) => {
    const seen = {};
    for (const [name, work] of Object.entries(works)) seen[name] = await attempt(work);
    return seen;
  };
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const temporary = process.env.TMPDIR + "/" + crypto.randomUUID();`;

const IMPORTS = `
  import fs from "node:fs";
  import childProcess from "node:child_process";
  import crypto from "node:crypto";
  import dgram from "node:dgram";
  import http from "node:http";
  import module from "node:module";
  import net from "node:net";
  import os from "node:os";
  import v8 from "node:v8";
  import workers from "node:worker_threads";`;

/** The whole module, as it is uploaded. */
export function moduleOf({ code, prelude = "" }: Probe): string {
  return `${IMPORTS}${TOOLS}
  ${prelude}
  async function attack(world, request, context) {
    ${code}
  }
  export default {
    async fetch(request, env, context) {
      const world = await request.json();
      await attempt(() => fs.mkdirSync(temporary));
      const seen = await attack(world, request, context);
      await attempt(() => fs.rmSync(temporary, { recursive: true, force: true }));
      return seen instanceof Response || seen?.headers ? seen : Response.json(seen ?? "done");
    },
  };`;
}
