import { checkEtag, etagOf } from "@millrace/rpc";
import { inTransaction, type Sql } from "@millrace/sql";
import { markVersion } from "../projecting/marks.ts";
import { notFound } from "../requests/refusals.ts";
import type { FunctionDraft } from "./function.ts";
import { checkSecretValue } from "./function-config.ts";
import type { Seal } from "./function-service.ts";
import { getFunction, lockFunction } from "./function-store.ts";
import { replaceSecret } from "./secret-store.ts";

/** Gives a secret another value, everywhere at once. */
export class SecretService {
  readonly #sql: Sql;
  readonly #seal: Seal;

  constructor(deps: { sql: Sql; seal: Seal }) {
    this.#sql = deps.sql;
    this.#seal = deps.seal;
  }

  /** In the draft and in every version that has it: a value that has leaked is of no use to anybody. Errors: `not_found` secret_not_found. */
  rotate(project: string, id: string, { key, value, etag }: { key: string; value: string; etag: string }) {
    checkSecretValue(key, value);
    return inTransaction(this.#sql, async (tx): Promise<FunctionDraft> => {
      const draft = await lockFunction(tx, project, id);
      checkEtag(etag, etagOf(draft.version));
      const sealed = this.#seal(`function-secret|${draft.uid}|${key}`, value).toString("base64");
      const { inDraft, versions } = await replaceSecret(tx, draft.uid, key, sealed);
      if (!inDraft && versions.length === 0) throw notFound("secret", key);
      for (const number of versions) await markVersion(tx, draft.uid, number);
      return getFunction(tx, project, id);
    });
  }
}
