import { hash } from "node:crypto";
import type { Identity } from "@millrace/frames";
import type { Refusal } from "../answering/reasons.ts";
import { credentialUnknown, notAuthorized } from "./access.ts";
import type { Grants } from "./grants.ts";

/** Checks a bearer key. Only its digest is known here. */
export function checkSubscriptionKey(grants: Grants, key: string, hostLabel: string): Identity | Refusal {
  const known = grants.subscriptionKey(hash("sha256", Buffer.from(key, "latin1"), "hex"));
  if (known === undefined || known.disabled) return credentialUnknown("subscription key");
  if (!grants.isAuthorized(hostLabel, known.keyId)) return notAuthorized(known.keyId, hostLabel);
  return { keyId: known.keyId, accountId: known.project, authType: "subscription-key" };
}
