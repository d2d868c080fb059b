import { deriveKey, PROFILES } from "@millrace/signing";
import { query, type Sql } from "@millrace/sql";
import { secretContext } from "../access-keys/access-key.ts";
import { findSealedSecrets } from "../access-keys/access-key-store.ts";
import type { SigningScope } from "./signing-key.ts";

export interface SigningKeyServiceDeps {
  sql: Sql;
  /** Opens what the master key sealed. */
  masterKeys: { open(sealed: Uint8Array, context: string): Buffer };
}

/** Derives what gateways check signatures with. The secrets themselves never leave this file. */
export class SigningKeyService {
  readonly #deps: SigningKeyServiceDeps;

  constructor(deps: SigningKeyServiceDeps) {
    this.#deps = deps;
  }

  /** Unknown and disabled keys are left out. */
  async derive(scopes: readonly SigningScope[]): Promise<{ scope: SigningScope; key: Buffer }[]> {
    const secrets = await this.#secretsOf(new Set(scopes.map(({ keyId }) => keyId)));
    return scopes.flatMap((scope) => {
      const secret = secrets.get(scope.keyId);
      return secret === undefined ? [] : [{ scope, key: deriveKey(PROFILES[scope.algorithm], secret, scope) }];
    });
  }

  async #secretsOf(keyIds: ReadonlySet<string>): Promise<Map<string, string>> {
    const { sql, masterKeys } = this.#deps;
    const rows = await query(() => findSealedSecrets(sql, [...keyIds]));
    return new Map(
      rows.map(({ keyId, sealedSecret }) => [keyId, masterKeys.open(sealedSecret, secretContext(keyId)).toString()]),
    );
  }
}
