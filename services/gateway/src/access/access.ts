import type { Identity } from "@millrace/frames";
import { type Refusal, refuse } from "../answering/reasons.ts";

/** Nobody in particular. */
export const ANONYMOUS: Identity = { keyId: "", accountId: "", authType: "" };

/** What access control reads of a request. */
export interface AccessRequest {
  method: string;
  /** As received. */
  target: string;
  /** As received: name, value, name, value. */
  rawHeaders: readonly string[];
  subscriptionKey: string;
  /** The first label of the deployment's host. */
  hostLabel: string;
  /** Reads the whole body and keeps it for the function. */
  readBody(): Promise<Buffer | Refusal>;
}

export function notAuthorized(keyId: string, hostLabel: string): Refusal {
  return refuse("not_authorized", `The key ${keyId} is not authorised for ${hostLabel}.`);
}

/** Unknown and disabled keys are answered alike. */
export function credentialUnknown(kind: "access key" | "subscription key"): Refusal {
  return refuse("credential_unknown", `The ${kind} is not known, or it is disabled.`);
}
