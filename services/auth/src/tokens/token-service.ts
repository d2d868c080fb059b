import { PlatformError } from "@millrace/errors";
import { formatName, parseName } from "@millrace/names";
import { noteCall } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql } from "@millrace/sql";
import { QUOTAS } from "../limits.ts";
import { lockPerson } from "../people/person-store.ts";
import type { Page } from "../request-check.ts";
import { tokenInvalid } from "../sessions/authenticator.ts";
import { mintBearer } from "./bearer-token.ts";
import { type TokenRow, tokenNotFound } from "./token.ts";
import { countTokens, deleteToken, findToken, insertToken, listTokens } from "./token-store.ts";

export interface TokenServiceDeps {
  sql: Sql;
  now: () => Date;
}

/** API tokens of the caller. */
export class TokenService {
  readonly #deps: TokenServiceDeps;

  constructor(deps: TokenServiceDeps) {
    this.#deps = deps;
  }

  /** A repeated request answers the same token and no secret. Errors: `resource_exhausted` token_quota. */
  async create(
    personId: string,
    { displayName, lifetimeMs }: { displayName: string; lifetimeMs: number },
    request: IdempotentRequest,
  ): Promise<{ token: TokenRow; secret: string }> {
    const { sql, now } = this.#deps;
    const minted = mintBearer("token");
    return inTransaction(sql, async (tx) => {
      const { resource, repeated } = await createOnce(tx, request, async () => {
        const createdAt = now();
        // Whoever is disabled meanwhile has lost all tokens, and gets no new one.
        const person = await lockPerson(tx, personId);
        if (!person || person.disabled) throw tokenInvalid();
        if ((await countTokens(tx, personId, createdAt)) >= QUOTAS.tokensPerPerson) throw tokenQuota();
        const expiresAt = new Date(createdAt.getTime() + lifetimeMs);
        const { id: tokenId, secretHash } = minted;
        await insertToken(tx, { tokenId, personId, displayName, secretHash, createdAt, expiresAt });
        return formatName("token", { token: tokenId });
      });
      const { token: tokenId } = parseName("token", resource);
      noteCall({ object: resource });
      const token = await findToken(tx, personId, tokenId);
      if (!token) throw tokenNotFound(tokenId);
      return { token, secret: repeated ? "" : minted.text };
    });
  }

  list(personId: string, page: Page): Promise<TokenRow[]> {
    return query(() => listTokens(this.#deps.sql, personId, page));
  }

  /** Errors: `not_found` token_not_found. */
  async delete(personId: string, tokenId: string): Promise<void> {
    await inTransaction(this.#deps.sql, async (tx) => {
      if (!(await deleteToken(tx, personId, tokenId))) throw tokenNotFound(tokenId);
    });
  }
}

function tokenQuota(): PlatformError {
  return new PlatformError(
    "resource_exhausted",
    `A person may have ${QUOTAS.tokensPerPerson} tokens; delete one first.`,
    {
      reason: "token_quota",
    },
  );
}
