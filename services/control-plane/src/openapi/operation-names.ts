import type { Located } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";

// Ids of APIs. An operationId that is one is taken as it is. Others are made: of an operationId, or of method and path; in the order of
// their texts, so that the order of the document does not matter.

const ID = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const ID_CHARS_MAX = 64;

interface Named {
  method: string;
  path: string;
  operation: Located;
}

/** An id of its own for each operation, in their order. */
export function nameOperations(operations: readonly Named[], report: ImportReport): string[] {
  const ids = new Array<string>(operations.length);
  const taken = new Map<string, string>();
  const toMake: { text: string; at: number }[] = [];
  operations.forEach(({ method, path, operation: { value, pointer } }, at) => {
    const { operationId } = value;
    const field = pointerTo(pointer, "operationId");
    if (operationId === undefined) toMake.push({ text: method + path, at });
    else if (typeof operationId !== "string" || operationId === "") report.fault(field, "must be a text");
    else if (!ID.test(operationId)) toMake.push({ text: operationId, at });
    else {
      const other = taken.get(operationId);
      if (other !== undefined) report.fault(field, `${operationId} is also the id of ${other}`);
      taken.set(operationId, pointer);
      ids[at] = operationId;
    }
  });
  for (const { text, at } of toMake.toSorted((a, b) => (a.text < b.text ? -1 : 1))) {
    const { pointer, value } = operations[at]!.operation;
    const id = freeId(idFrom(text), taken);
    taken.set(id, pointer);
    ids[at] = id;
    if (value.operationId !== undefined) {
      const advice = "an id is 1 to 64 of a-z, A-Z, 0-9, _ and -, beginning with a letter";
      report.change(pointerTo(pointer, "operationId"), `the API's id is ${id}`, advice);
    }
  }
  return ids;
}

function freeId(wanted: string, taken: ReadonlyMap<string, string>): string {
  let id = wanted;
  for (let n = 2; taken.has(id); n++) id = `${wanted.slice(0, ID_CHARS_MAX - 5)}_${n}`;
  return id;
}

function idFrom(text: string): string {
  // A search for the end that began anew at each `_` would take minutes for many of them.
  const words = text.replaceAll(/[^A-Za-z0-9_-]+/g, "_").replaceAll(/^[^A-Za-z]+|(?<!_)_+$/g, "");
  return (words || "operation").slice(0, ID_CHARS_MAX);
}
