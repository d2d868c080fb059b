import type { Group } from "../groups/group.ts";
import { documentOf, type JsonObject } from "./document.ts";
import { type Exported, exportDocument } from "./export-document.ts";
import { type ReadApi, readApis } from "./read-apis.ts";
import { ImportReport, type Remark } from "./report.ts";

/** What an import of a document makes, and the export of that. */
export interface RoundTrip {
  apis: ReadApi[];
  remarks: readonly Remark[];
  exported: JsonObject;
}

export const GROUP: Group = {
  label: "abcdefghijkl",
  project: "shop",
  id: "store",
  description: "",
  prefix: "",
  access: "authorized",
  version: 1,
  createdAt: new Date(0),
  updatedAt: new Date(0),
};

/** Throws as an import does when the document has faults. */
export function roundTrip(document: unknown): RoundTrip {
  const report = new ImportReport("shop");
  const apis = readApis(documentOf(document, report), { project: GROUP.project, prefix: GROUP.prefix }, report);
  report.throwIfFaulty();
  return { apis, remarks: report.remarks, exported: exported(apis) };
}

export function exported(apis: Exported["apis"]): JsonObject {
  return JSON.parse(JSON.stringify(exportDocument(revisionOf(apis)))) as JsonObject;
}

export function revisionOf(apis: Exported["apis"]): Exported {
  return { group: GROUP, revision: "0.0.1", apis: apis.toSorted((a, b) => (a.id < b.id ? -1 : 1)), servers: [] };
}
