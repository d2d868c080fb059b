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

/** An example that is a text beside a schema of what the text means: a validator would compare the two. */
export const EXAMPLE_EXTENSION = "x-millrace-example";
