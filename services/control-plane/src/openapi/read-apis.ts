import type { ApiDefinition } from "../apis/api.ts";
import { readDefinition } from "../apis/api-draft.ts";
import { Violations } from "../requests/violations.ts";
import type { OpenApiDocument } from "./document.ts";
import { readOperations } from "./operations.ts";
import type { ImportReport } from "./report.ts";

/** An API as a document means it. */
export interface ReadApi {
  id: string;
  /** Of its operation. */
  pointer: string;
  /** Where its backend is said; undefined when it has none of its own. */
  backendPointer: string | undefined;
  definition: ApiDefinition;
}

/** The definitions of a document's operations, in its order; what is wrong with one is a fault at its pointer. */
export function readApis(
  document: OpenApiDocument,
  { project, prefix }: { project: string; prefix: string },
  report: ImportReport,
): ReadApi[] {
  return readOperations(document, { project, prefix }, report).flatMap(({ draft, ...operation }) => {
    const violations = new Violations();
    const definition = readDefinition(draft, project, violations, "operation");
    for (const { field, description } of violations.found) {
      report.fault(operation.pointer, `${field.replace(/^operation\.?/, "")} ${description}`.trim());
    }
    return violations.found.length === 0 ? [{ ...operation, definition }] : [];
  });
}
