import { randomUUID } from "node:crypto";
import { CreateTokenResponse, Token, TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import type { Registry } from "../command-line.ts";
import { done, idOf, many, type View } from "../output/answer.ts";
import { integerOption } from "./options.ts";
import { saveOnce, saveOption } from "./save-once.ts";

const SECONDS_PER_DAY = 86_400;

const view: View<Token> = {
  json: Token.toJSON,
  cells: {
    id: ({ name }) => idOf(name),
    name: ({ displayName }) => displayName,
    expires: ({ expiresAt }) => expiresAt,
    "last used": ({ lastUsedAt }) => lastUsedAt,
  },
};

export function registerToken(registry: Registry): void {
  registry
    .noun("token", "your API tokens, for programs")
    .command<{ days?: number; save?: string }>({
      usage: "create <name>",
      description: "make a token; it is shown once",
      options: [integerOption("--days <n>", "how long it is valid (default: 90)", 1, 365), saveOption()],
      async run(context, [displayName = ""], { days = 0, save }) {
        const request = { displayName, lifetimeSeconds: days * SECONDS_PER_DAY, requestId: randomUUID() };
        return saveOnce(context, save, async () => {
          const answer = await context.call(TokenServiceService.createToken, request);
          const text = `token ${idOf(answer.token?.name ?? "")}`;
          return { json: CreateTokenResponse.toJSON(answer), text, secret: answer.secret };
        });
      },
    })
    .command({
      usage: "list",
      description: "list your tokens",
      async run({ listAll }) {
        const request = { pageSize: 0, pageToken: "" };
        return many(view, "tokens", await listAll(TokenServiceService.listTokens, request, (page) => page.tokens));
      },
    })
    .command({
      usage: "delete <id>",
      description: "revoke a token",
      async run({ call }, [id]) {
        const name = `tokens/${id}`;
        await call(TokenServiceService.deleteToken, { name });
        return done({ deleted: name }, `deleted ${name}`);
      },
    });
}
