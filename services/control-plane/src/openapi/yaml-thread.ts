/** The thread of one document: answers its value, or what is wrong with it. */
import { parentPort, workerData } from "node:worker_threads";
import { parseDocument } from "yaml";
import type { YamlAnswer, YamlQuestion } from "./yaml-reader.ts";

const { text, aliasesMax, faultsMax } = workerData as YamlQuestion;
parentPort!.postMessage(read());

function read(): YamlAnswer {
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
