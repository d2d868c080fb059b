/** The thread of one document: answers its value, or what is wrong with it; or its text. */
import { parentPort, workerData } from "node:worker_threads";
import { parseDocument, stringify } from "yaml";
import type { YamlAnswer, YamlQuestion } from "./yaml-reader.ts";

const question = workerData as YamlQuestion;
parentPort!.postMessage("written" in question ? { value: write(question.written) } : read(question));

function write(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0, compat: "yaml-1.1" });
}

function read({ text, aliasesMax, faultsMax }: Exclude<YamlQuestion, { written: unknown }>): YamlAnswer {
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    return { faults: document.errors.slice(0, faultsMax).map(({ message }) => message.split("\n")[0]!) };
  }
  try {
    return { value: document.toJS({ maxAliasCount: aliasesMax }) };
  } catch (error) {
    return { faults: [(error as Error).message] };
  }
}
