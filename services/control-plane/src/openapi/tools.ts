import type { OpenApiDocument } from "./document.ts";
import type { References } from "./references.ts";
import type { ImportReport } from "./report.ts";
import type { SchemaTexts } from "./schema-text.ts";

/** What reads a document's parts. */
export interface Tools {
  document: OpenApiDocument;
  references: References;
  schemas: SchemaTexts;
  report: ImportReport;
}

/** A text that describes what is no JSON, or a schema that readers of OpenAPI would misunderstand. */
export const TEXT_EXTENSION = "x-millrace-schema";
