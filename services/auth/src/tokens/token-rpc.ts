import { formatName } from "@millrace/names";
import { CreateTokenRequest, type Token, type TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { type HandlersOf, pageOf } from "@millrace/rpc";
import { LIFETIMES, TEXTS } from "../limits.ts";
import { RequestCheck, SORT_KEY } from "../request-check.ts";
import { callerOf } from "../sessions/authenticator.ts";
import type { TokenRow } from "./token.ts";
import type { TokenService } from "./token-service.ts";

export function tokenRpc(service: TokenService): HandlersOf<typeof TokenServiceService> {
  return {
    async createToken(request, context) {
      const check = new RequestCheck();
      const displayName = check.text("display_name", request.displayName, { min: 1, max: TEXTS.displayNameCharsMax });
      const lifetimeMs = checkLifetime(check, request.lifetimeSeconds);
      const once = check.once(context, request, CreateTokenRequest);
      check.done();
      const created = await service.create(callerOf(context.principal).row.personId, { displayName, lifetimeMs }, once);
      return { token: toProto(created.token), secret: created.secret };
    },

    async listTokens(request, context) {
      const { personId } = callerOf(context.principal).row;
      const check = new RequestCheck();
      const page = check.page(`tokens of ${personId}`, request, [SORT_KEY.instant, SORT_KEY.id]);
      check.done();
      const rows = await service.list(personId, page);
      const cut = pageOf(rows, page.size, page.scope, (row) => [row.createdAt.toISOString(), row.tokenId]);
      return { tokens: cut.page.map(toProto), nextPageToken: cut.nextPageToken };
    },

    async deleteToken(request, context) {
      const check = new RequestCheck();
      const { token } = check.name("token", request.name);
      check.done();
      await service.delete(callerOf(context.principal).row.personId, token);
      return {};
    },
  };
}

function checkLifetime(check: RequestCheck, seconds: number): number {
  const lifetimeMs = seconds === 0 ? LIFETIMES.tokenDefaultMs : seconds * 1_000;
  const fits = lifetimeMs >= LIFETIMES.tokenMinMs && lifetimeMs <= LIFETIMES.tokenMaxMs;
  check.that(fits, "lifetime_seconds", "must be from 60 (one minute) to 31536000 (365 days), or 0 for 90 days");
  return lifetimeMs;
}

function toProto(row: TokenRow): Token {
  return {
    name: formatName("token", { token: row.tokenId }),
    displayName: row.displayName,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt,
    lastUsedAt: row.lastUsedAt ?? undefined,
  };
}
