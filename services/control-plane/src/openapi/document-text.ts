import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { PlatformError } from "@millrace/errors";
import { LIMITS } from "../limits.ts";
import type { Exported } from "./export-document.ts";

// Documents are read and written in a thread that can be ended: the parser takes minutes for some texts of 2 MiB (the check for equal keys
// alone is quadratic), a revision's definitions may have 32 MiB, and nobody else would be served meanwhile.

export type DocumentQuestion =
  | { ask: "read"; text: string; aliasesMax: number; faultsMax: number }
  | { ask: "write"; exported: Exported; format: DocumentFormatWord; bytesMax: number };

export type DocumentFormatWord = "yaml" | "json";

export type DocumentAnswer =
  | { value: unknown }
  | { text: string }
  | { faults: readonly string[] }
  /** Of the document as JSON, the longer form. */
  | { bytes: number };

let running = 0;

/** The value of a YAML text, or its faults. Throws `resource_exhausted` import_busy. */
export async function readYaml(text: string): Promise<{ value: unknown } | { faults: readonly string[] }> {
  const { yamlAliasesMax: aliasesMax, documentFaultsMax: faultsMax } = LIMITS;
  const answer = await asked({ ask: "read", text, aliasesMax, faultsMax });
  if (answer && ("value" in answer || "faults" in answer)) return answer;
  return { faults: ["is too complex to be read as YAML; send it as JSON"] };
}

/** A revision as text. Throws `resource_exhausted` document_too_large, and as readYaml does. */
export async function writeDocument(exported: Exported, format: DocumentFormatWord): Promise<string> {
  const answer = await asked({ ask: "write", exported, format, bytesMax: LIMITS.documentBytesMax });
  if (answer && "text" in answer) return answer.text;
  const size = answer && "bytes" in answer ? `would have ${answer.bytes} bytes` : "takes too long to be written";
  throw new PlatformError("resource_exhausted", `The document ${size}; at most ${LIMITS.documentBytesMax} are sent.`, {
    reason: "document_too_large",
  });
}

async function asked(question: DocumentQuestion): Promise<DocumentAnswer | undefined> {
  if (running >= LIMITS.documentThreadsMax) {
    throw new PlatformError("resource_exhausted", "Too many documents are being read or written; try again.", {
      reason: "import_busy",
    });
  }
  running++;
  try {
    return await askThread(question);
  } finally {
    running--;
  }
}

/** Undefined when it takes too long, or too much. */
async function askThread(workerData: DocumentQuestion): Promise<DocumentAnswer | undefined> {
  const thread = new Worker(new URL("./document-thread.ts", import.meta.url), {
    workerData,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: LIMITS.documentHeapMib },
  });
  // What it still has to say when nobody listens any more.
  thread.on("error", () => {});
  const over = new AbortController();
  try {
    const tooLate = delay(LIMITS.documentTimeoutMs, undefined, { signal: over.signal });
    // A thread that runs out of heap emits an error.
    const answer = once(thread, "message", { signal: over.signal }).then(
      ([message]: DocumentAnswer[]) => message,
      () => undefined,
    );
    return await Promise.race([answer, tooLate]);
  } finally {
    over.abort();
    await thread.terminate();
  }
}
