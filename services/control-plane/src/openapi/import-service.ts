import { PlatformError } from "@millrace/errors";
import type { ImportApisResponse } from "@millrace/proto/control/v1/apis";
import type { Sql } from "@millrace/sql";
import type { RevisionIds } from "../apis/api-service.ts";
export class ImportService {
  constructor(_deps: { sql: Sql }) {}
  async import(_ids: RevisionIds, _document: string, _validateOnly: boolean): Promise<ImportApisResponse> {
    throw new PlatformError("unimplemented", "unimplemented", { reason: "unimplemented" });
  }
}
