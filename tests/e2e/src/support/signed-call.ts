/** Calls signed with the platform's own signing library: what a generated SDK would send. */
import type { Deployment } from "@millrace/proto/control/v1/deployments";
import { type Algorithm, PROFILES, sign } from "@millrace/signing";
import { type Answer, type Call, send } from "./http.ts";
import type { AccessKeyPair } from "./provision.ts";

export const ALGORITHMS: readonly Algorithm[] = ["AWS4-HMAC-SHA256", "JDCLOUD2-HMAC-SHA256", "JDCLOUD3-HMAC-SHA256"];
export const REGION = "local-1";

export type SignedCall = {
  readonly algorithm: Algorithm;
  readonly key: Pick<AccessKeyPair, "keyId" | "secret">;
  readonly deployment: Pick<Deployment, "host" | "pathUrl">;
  /** After the deployment's own URL, beginning with a slash. */
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly now?: Date;
  readonly nonce?: string;
  /** Another than the deployment's, to see it refused. */
  readonly service?: string;
};

/** The first label of the deployment's host: the service of a signature's scope. */
export const hostLabelOf = ({ host }: Pick<Deployment, "host">): string => host.split(".")[0]!;

/** The call with its signature, not sent yet, so that a test can alter it on the way. */
export function signedCall(given: SignedCall): Call & { readonly headers: Record<string, string> } {
  const { algorithm, key, deployment, method = "GET", headers = {}, body } = given;
  const url = `${deployment.pathUrl}${given.path}`;
  const added = sign(PROFILES[algorithm], {
    method,
    url,
    headers: Object.entries(headers),
    keyId: key.keyId,
    secret: key.secret,
    region: REGION,
    service: given.service ?? hostLabelOf(deployment),
    ...(body === undefined ? {} : { body }),
    ...(given.now === undefined ? {} : { now: given.now }),
    ...(given.nonce === undefined ? {} : { nonce: given.nonce }),
  });
  return { method, url, headers: { ...headers, ...added }, ...(body === undefined ? {} : { body }) };
}

export const sendSigned = (given: SignedCall): Promise<Answer> => send(signedCall(given));
