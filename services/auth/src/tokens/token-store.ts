import type { Queryable, Transaction } from "@millrace/sql";
import { WAITS } from "../limits.ts";
import type { Page } from "../request-check.ts";
import type { TokenRow } from "./token.ts";

const columns = (db: Queryable) => db`token_id, display_name, created_at, expires_at, last_used_at`;

export async function insertToken(
  tx: Transaction,
  token: Omit<TokenRow, "lastUsedAt"> & { personId: string; secretHash: string },
): Promise<void> {
  await tx`
    insert into tokens (token_id, person_id, display_name, secret_hash, created_at, expires_at)
    values (${token.tokenId}, ${token.personId}, ${token.displayName}, ${token.secretHash}, ${token.createdAt},
      ${token.expiresAt})`;
}

/** Served by the primary key. */
export async function findToken(db: Queryable, personId: string, tokenId: string): Promise<TokenRow | undefined> {
  const [token] = await db<TokenRow[]>`
    select ${columns(db)}
    from tokens
    where token_id = ${tokenId} and person_id = ${personId}`;
  return token;
}

/** Those that are still good; served by tokens_by_person. The caller holds the person's lock when it counts for a quota. */
export async function countTokens(db: Queryable, personId: string, now: Date): Promise<number> {
  const [row] = await db<{ count: number }[]>`
    select count(*)::integer as count
    from tokens
    where person_id = ${personId} and expires_at > ${now}`;
  return row!.count;
}

/** Newest first; served by tokens_by_person, backwards. */
export function listTokens(db: Queryable, personId: string, page: Page): Promise<TokenRow[]> {
  const [createdAt, tokenId] = page.after ?? [];
  return db<TokenRow[]>`
    select ${columns(db)}
    from tokens
    where person_id = ${personId}
      ${createdAt === undefined ? db`` : db`and (created_at, token_id) < (${new Date(createdAt)}, ${tokenId!})`}
    order by created_at desc, token_id desc
    limit ${page.size + 1}`;
}

/** Answers whether there was one; served by the primary key. */
export async function deleteToken(db: Queryable, personId: string, tokenId: string): Promise<boolean> {
  const deleted = await db`
    delete from tokens
    where token_id = ${tokenId} and person_id = ${personId}
    returning 1`;
  return deleted.length === 1;
}

export async function deleteTokensOf(tx: Transaction, personId: string): Promise<void> {
  await tx`
    delete from tokens
    where person_id = ${personId}`;
}

/** Notes a token's use, at most once a minute, so that reading stays reading. */
export async function touchToken(db: Queryable, tokenId: string, lastUsedAt: Date | null, now: Date): Promise<void> {
  if (lastUsedAt !== null && now.getTime() - lastUsedAt.getTime() < WAITS.tokenUseResolutionMs) return;
  await db`
    update tokens
    set last_used_at = ${now}
    where token_id = ${tokenId}`;
}
