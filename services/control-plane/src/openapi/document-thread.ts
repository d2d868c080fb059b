/** The thread of one document: answers the value or the faults of a text, or the text of a revision. */
import { parentPort, workerData } from "node:worker_threads";
import { parseDocument, stringify } from "yaml";
import type { DocumentAnswer, DocumentQuestion } from "./document-text.ts";
import { exportDocument } from "./export-document.ts";

type Question<Ask> = Extract<DocumentQuestion, { ask: Ask }>;

const question = workerData as DocumentQuestion;
parentPort!.postMessage(question.ask === "read" ? read(question) : write(question));

function read({ text, aliasesMax, faultsMax }: Question<"read">): DocumentAnswer {
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

/** In YAML texts are quoted where any reader could take them for something else. */
function write({ exported, format, bytesMax }: Question<"write">): DocumentAnswer {
  const document = exportDocument(exported);
  const json = `${JSON.stringify(document, null, 2)}\n`;
  const bytes = Buffer.byteLength(json);
  if (bytes > bytesMax) return { bytes };
  if (format === "json") return { text: json };
  return { text: stringify(document, { aliasDuplicateObjects: false, lineWidth: 0, compat: "yaml-1.1" }) };
}
