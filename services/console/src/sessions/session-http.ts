import { invalidFields } from "@millrace/errors";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import type { RpcClient } from "@millrace/rpc";
import { throwPeerFailure } from "../bridge/peer-failure.ts";
import type { Exchange } from "../http/exchange.ts";
import { methodNotAllowed } from "../http/http-refusal.ts";
import { SESSION_BODY_BYTES_MAX } from "../limits.ts";
import { credentialOf, type Origins, requireSameOrigin } from "./credential.ts";
import { expiredSessionCookie, sessionCookie } from "./session-cookie.ts";

export interface SessionDeps {
  auth: Pick<RpcClient, "call">;
  origins: Origins;
}

/** `POST /session` signs in, `DELETE /session` signs out. */
export async function serveSession(exchange: Exchange, deps: SessionDeps): Promise<void> {
  if (exchange.method === "POST") return signIn(exchange, deps);
  if (exchange.method === "DELETE") return signOut(exchange, deps);
  throw methodNotAllowed("POST, DELETE");
}

async function signIn(exchange: Exchange, { auth, origins }: SessionDeps): Promise<void> {
  requireSameOrigin(exchange, origins);
  const { signal, callerAddress: forwardedFor } = exchange;
  const credentials = readCredentials(await exchange.text(SESSION_BODY_BYTES_MAX));
  const { token, expiresAt, person } = await auth
    .call(PeopleServiceService.signIn, credentials, { signal, forwardedFor })
    .catch(throwPeerFailure("auth"));
  const lifetimeSeconds = Math.max(1, Math.floor(((expiresAt?.getTime() ?? 0) - Date.now()) / 1_000));
  exchange.json(200, JSON.stringify({ expiresAt, person }), {
    "set-cookie": sessionCookie(token, lifetimeSeconds, origins.secure),
  });
}

/** The cookie goes even when auth no longer knows the session. */
async function signOut(exchange: Exchange, { auth, origins }: SessionDeps): Promise<void> {
  const token = credentialOf(exchange, origins);
  exchange.response.setHeader("set-cookie", expiredSessionCookie(origins.secure));
  if (token !== undefined) {
    const { signal, callerAddress: forwardedFor } = exchange;
    await auth.call(PeopleServiceService.signOut, {}, { token, signal, forwardedFor }).catch(throwPeerFailure("auth"));
  }
  exchange.response.writeHead(204).end();
}

function readCredentials(text: string): { email: string; password: string } {
  const body = parse(text);
  const violations = (["email", "password"] as const)
    .filter((field) => typeof body[field] !== "string" || body[field] === "")
    .map((field) => ({ field, description: "must be a string that is not empty" }));
  const unknown = Object.keys(body).filter((field) => field !== "email" && field !== "password");
  violations.push(...unknown.map((field) => ({ field: field as "email", description: "is no field of a sign-in" })));
  if (violations.length > 0) throw invalidFields(violations);
  return { email: body.email as string, password: body.password as string };
}

/** The parser's own message would quote the password. */
function parse(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  } catch {}
  throw invalidFields([{ field: "body", description: "must be a JSON object with email and password" }]);
}
