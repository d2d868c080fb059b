import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { PlatformError } from "@millrace/errors";
import { LIMITS } from "../limits.ts";

// YAML is read in a thread that can be ended: the parser takes minutes for some texts of 2 MiB (the check for equal keys alone is
// quadratic), and nobody else would be served meanwhile.

export type YamlQuestion = { text: string; aliasesMax: number; faultsMax: number } | { written: unknown };

export type YamlAnswer = { value: unknown } | { faults: readonly string[] };

const TOO_COMPLEX: YamlAnswer = { faults: ["is too complex to be read as YAML; send it as JSON"] };
let running = 0;

/** The value of a YAML text, or its faults. Throws `resource_exhausted` import_busy. */
export function readYaml(text: string): Promise<YamlAnswer> {
  return asked({ text, aliasesMax: LIMITS.yamlAliasesMax, faultsMax: LIMITS.documentFaultsMax });
}

/** A value as YAML, whose texts are quoted where any reader could take them for something else. Throws as readYaml does. */
export async function writeYaml(value: unknown): Promise<string> {
  const answer = await asked({ written: value });
  if (!("value" in answer)) throw busy();
  return answer.value as string;
}

async function asked(question: YamlQuestion): Promise<YamlAnswer> {
  if (running >= LIMITS.yamlThreadsMax) throw busy();
  running++;
  try {
    return await askThread(question);
  } finally {
    running--;
  }
}

async function askThread(workerData: YamlQuestion): Promise<YamlAnswer> {
  const thread = new Worker(new URL("./yaml-thread.ts", import.meta.url), {
    workerData,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: LIMITS.yamlHeapMib },
  });
  // What it still has to say when nobody listens any more.
  thread.on("error", () => {});
  const over = new AbortController();
  try {
    const tooLate = delay(LIMITS.yamlTimeoutMs, TOO_COMPLEX, { signal: over.signal });
    // A thread that runs out of heap emits an error.
    const answer = once(thread, "message", { signal: over.signal }).then(
      ([message]: YamlAnswer[]) => message!,
      () => TOO_COMPLEX,
    );
    return await Promise.race([answer, tooLate]);
  } finally {
    over.abort();
    await thread.terminate();
  }
}

function busy(): PlatformError {
  return new PlatformError("resource_exhausted", "Too many documents are being read or written; try again.", {
    reason: "import_busy",
  });
}
