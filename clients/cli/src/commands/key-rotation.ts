import { randomUUID } from "node:crypto";
import { PlatformError } from "@millrace/errors";
import { AuthorizationServiceService } from "@millrace/proto/auth/v1/authorizations";
import type { Context } from "../context.ts";
import type { Answer } from "../output/answer.ts";

// A key is replaced without a gap: another one may do what it may, callers change over, and only then the old one is deleted.

/** What became of the new key at each deployment that the old one may call. */
interface Grants {
  authorized: string[];
  /** Those of other projects, and those that refused. */
  toAsk: string[];
}

/** Lets `newId` call what `oldId` may call, as far as whoever asks may say so. */
export async function authorizeLike(
  { call, listAll, project }: Context,
  oldId: string,
  newId: string,
): Promise<Grants> {
  const { createAuthorization, listCallableDeployments } = AuthorizationServiceService;
  const request = { parent: project, pageSize: 0, pageToken: "" };
  const callable = await listAll(listCallableDeployments, request, (page) => page.callableDeployments);
  const grants: Grants = { authorized: [], toAsk: [] };
  for (const { deployment: parent } of callable.filter(({ keyId }) => keyId === oldId)) {
    const authorization = { parent, keyId: newId, note: `in place of ${oldId}`, requestId: randomUUID() };
    try {
      await call(createAuthorization, authorization);
      grants.authorized.push(parent);
    } catch (error) {
      if (!(error instanceof PlatformError) || error.code === "unavailable") throw error;
      grants.toAsk.push(parent);
    }
  }
  return grants;
}

/** The answer about the new key, with what is still to be done. */
export function rotationAnswer(made: Answer, oldId: string, newId: string, { authorized, toAsk }: Grants): Answer {
  const asking = toAsk.map((deployment) => `  ${deployment}`);
  const lines = [
    made.text,
    `it may call ${authorized.length} of the ${authorized.length + toAsk.length} deployments that ${oldId} may call`,
    ...(asking.length > 0 ? [`ask who may change these to authorize ${newId}:`, ...asking] : []),
    `${oldId} goes on working: when all callers have changed over, millrace key delete ${oldId}`,
  ];
  return { json: { ...(made.json as object), replaces: oldId, authorized, toAsk }, text: lines.join("\n") };
}
